//! The names of images.

use testcontainers::GenericImage;

/// The name of an image in two parts, as the API wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) tag: String,
}

impl Reference {
    /// Parses `redis`, `redis:7`, `localhost:5000/redis:7` or `redis@sha256:…`.
    pub(super) fn parse(text: &str) -> Self {
        // A colon before the last slash belongs to the registry's port.
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        Self { name: name.to_owned(), tag: tag.to_owned() }
    }
}

impl From<&Reference> for GenericImage {
    fn from(Reference { name, tag }: &Reference) -> Self {
        Self::new(name, tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_and_a_tag() {
        for (text, name, tag) in [
            ("redis", "redis", "latest"),
            ("redis:7", "redis", "7"),
            ("quay.io/coreos/etcd:v3.7.3", "quay.io/coreos/etcd", "v3.7.3"),
            ("localhost:5000/redis", "localhost:5000/redis", "latest"),
            ("localhost:5000/redis:7", "localhost:5000/redis", "7"),
            ("redis@sha256:abc", "redis@sha256", "abc"),
        ] {
            let parsed = Reference::parse(text);
            assert_eq!((parsed.name.as_str(), parsed.tag.as_str()), (name, tag), "{text}");
        }
    }
}
