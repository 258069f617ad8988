//! The end of a server's log, for error messages: it usually names the cause.

use std::fs;
use std::path::Path;

const LINES: usize = 20;

/// Returns the last lines of `text`.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Returns the path and the last lines of the log as one text.
pub(crate) fn of(log: &Path) -> String {
    match fs::read(log) {
        Ok(bytes) => {
            let tail = last_lines(&String::from_utf8_lossy(&bytes));
            format!("the last lines of {}:\n{tail}", log.display())
        }
        Err(error) => format!("its log {} is unreadable: {error}", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let tail = last_lines(&lines.join("\n"));
        assert!(tail.starts_with("line 80\n"), "{tail}");
        assert!(tail.ends_with("line 99"), "{tail}");
        assert_eq!(last_lines("one\n"), "one");
    }
}
