//! dsync-kube
