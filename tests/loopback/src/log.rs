//! The output of a function: log lines on standard output, and nothing on standard error unless something went wrong.

use serde_json::Value;

/// The output from the start of the process to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Log {
    /// The lines of standard output, which must be JSON objects; standard error must be empty.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        assert_eq!(self.err, "", "nothing may be written to standard error");
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

    /// The lines other than metrics.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line.get("_aws").is_none()).collect()
    }
}
