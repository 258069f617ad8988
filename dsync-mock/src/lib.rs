//! dsync-mock
