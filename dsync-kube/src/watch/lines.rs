use http_body_util::BodyExt;
use kube::client::Body;

/// Splits a body into lines as they arrive.
pub(super) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// The number of bytes in `buffer` that are known to have no line end.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, buffer: Vec::new(), searched: 0 }
    }

    /// Returns the next line, or `None` at the end of the body. A last line without a line end is
    /// half an event and is dropped.
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
