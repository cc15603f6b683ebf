//! What a function wrote: to standard output lines that CloudWatch Logs would take, to standard error nothing if all is well.

use serde_json::Value;

/// What was written from the start of the process to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Log {
    /// The lines of standard output, each of which has to be a JSON object; standard error has to be empty.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        assert_eq!(self.err, "", "standard error is for what went wrong; the log is on standard output");
        let line = |line: &str| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Value::Object(object),
            _ => panic!("not a line of JSON: {line}"),
        };
        self.out.lines().map(line).collect()
    }

    /// The lines in CloudWatch's embedded metric format.
    #[must_use]
    pub fn metrics(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line.get("_aws").is_some()).collect()
    }

    /// The lines that are no metrics.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line.get("_aws").is_none()).collect()
    }
}
