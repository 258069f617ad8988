use http_body_util::BodyExt;
use kube::client::Body;

/// The lines of a body, as they come.
pub(super) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// There is no line end before this.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, buffer: Vec::new(), searched: 0 }
    }

    /// The next line; `None` at the end. A last line without an end is half an event, and is
    /// left out.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<u8>, kube::Error>> {
        loop {
            let ahead = &self.buffer[self.searched..];
            if let Some(at) = ahead.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                self.searched = 0;
                return Some(Ok(std::mem::replace(&mut self.buffer, rest)));
            }
            self.searched = self.buffer.len();
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
