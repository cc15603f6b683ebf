//! Decodes server-sent events from the bytes of a stream (WHATWG HTML, section 9.2), with a limit, so that no server fills the
//! memory. What is no event, such as a comment that keeps the connection alive, is skipped.

/// The most bytes of an event; the largest on a bus has 256 KB, and every character of it may be escaped.
const LONGEST: usize = 4 << 20;

/// An event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ServerSentEvent {
    /// Its id, if it has one.
    pub(super) id: Option<String>,
    /// Its type.
    pub(super) event: String,
    /// Its content; without it, it is none, and only its id counts: the stream continues after it.
    pub(super) data: Option<String>,
}

/// The bytes that are no whole line yet, and the fields that are no whole event yet.
#[derive(Debug, Default)]
pub(super) struct EventDecoder {
    rest: Vec<u8>,
    event: ServerSentEvent,
}

impl EventDecoder {
    /// Takes the next bytes; returns the events that are complete with them.
    ///
    /// # Errors
    /// When an event is too long: the server is none of this kind.
    pub(super) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<ServerSentEvent>> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let (mut events, mut read) = (Vec::new(), 0);
        while let Some(length) = rest[read..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&rest[read..read + length]);
            events.extend(self.line(line.trim_end_matches('\r')));
            read += length + 1;
        }
        rest.drain(..read);
        self.rest = rest;
        let length = self.rest.len() + self.event.data.as_ref().map_or(0, String::len);
        anyhow::ensure!(length <= LONGEST, "the server sent an event of more than {LONGEST} bytes");
        Ok(events)
    }

    /// A line: a field, or the end of an event.
    fn line(&mut self, line: &str) -> Option<ServerSentEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Some(event).filter(|event| event.data.is_some() || event.id.is_some());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.event.data {
                Some(data) => data.extend(["\n", value]),
                none => *none = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.event.event),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, event: &str, data: &str) -> ServerSentEvent {
        ServerSentEvent { id: id.map(Into::into), event: event.into(), data: Some(data.into()) }
    }

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let stream = ": hello\n\nid: 1\nevent: A\ndata: {\"é\":1}\n\ndata:x\r\ndata: y\r\n\r\nretry: 5\n\nid: 9\n\nid: 2\ndata\n\ndata: half";
        let place = ServerSentEvent { data: None, ..event(Some("9"), "", "") };
        let expected =
            [event(Some("1"), "A", "{\"é\":1}"), event(None, "", "x\ny"), place, event(Some("2"), "", "")];
        for step in 1..=stream.len() {
            let mut decoder = EventDecoder::default();
            let parts = stream.as_bytes().chunks(step);
            let events: Vec<_> = parts.flat_map(|part| decoder.push(part).unwrap()).collect();
            assert_eq!(events, expected, "in steps of {step} bytes");
        }
    }

    #[test]
    fn an_event_without_end_is_refused_before_it_fills_the_memory() {
        let part = vec![b'x'; 1 << 20];
        let mut decoder = EventDecoder::default();
        let refused = (0..10).find_map(|_| decoder.push(&part).err()).unwrap();
        assert!(refused.to_string().contains("more than 4194304 bytes"), "{refused}");
        let mut decoder = EventDecoder::default();
        let lines = format!("data: {}\n", "x".repeat(1_000)).repeat(1_000);
        assert!((0..10).any(|_| decoder.push(lines.as_bytes()).is_err()));
    }
}
