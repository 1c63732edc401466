//! The addresses of a play-info service, one of which answers.

use std::collections::VecDeque;

use crate::secret::Url;

/// Addresses of one service, in the order in which they are asked. Who has failed is asked again after all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    current: Url,
    others: VecDeque<Url>,
    /// How many have failed in a row.
    failed: usize,
}

impl Hosts {
    /// Takes the best first. A host alone (`play.example`, `play.example:8443`) stands for `https://` there. `None` if
    /// there is none.
    pub fn new(endpoints: impl IntoIterator<Item = Url>) -> Option<Self> {
        let mut others: VecDeque<_> = endpoints.into_iter().map(with_scheme).collect();
        let current = others.pop_front()?;
        Some(Self { current, others, failed: 0 })
    }

    /// Whom to ask.
    pub fn current(&self) -> &Url {
        &self.current
    }

    /// The one that was asked has failed: the next one's turn. Says whether that one is new since the last answer; if
    /// not, all have failed, and it is time to wait before they are asked again.
    pub fn fail_over(&mut self) -> bool {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(core::mem::replace(&mut self.current, next));
        }
        self.failed = self.failed.saturating_add(1) % (self.others.len() + 1);
        self.failed != 0
    }

    /// The one that was asked has answered: it is asked first from now on.
    pub fn answered(&mut self) {
        self.failed = 0;
    }
}

fn with_scheme(endpoint: Url) -> Url {
    let text = endpoint.expose();
    if text.is_empty() || text.contains(['/', '\\', '?', '#']) {
        return endpoint;
    }
    Url::new(["https://", text].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Hosts {
        Hosts::new(list.iter().copied().map(Url::new)).unwrap()
    }

    #[test]
    fn all_are_asked_before_any_is_asked_again() {
        let mut hosts = hosts(&["https://a/x", "https://b/x", "https://c/x"]);
        let mut asked = Vec::new();
        for _ in 0..6 {
            asked.push(hosts.current().expose().to_owned());
            asked.push(hosts.fail_over().to_string());
        }
        let round = ["https://a/x", "true", "https://b/x", "true", "https://c/x", "false"];
        assert_eq!(asked, [round, round].concat());
    }

    #[test]
    fn the_one_that_answers_is_asked_first() {
        let mut hosts = hosts(&["https://a/x", "https://b/x", "https://c/x"]);
        assert!(hosts.fail_over());
        hosts.answered();
        assert_eq!(hosts.current().expose(), "https://b/x");
        assert_eq!([hosts.fail_over(), hosts.fail_over(), hosts.fail_over()], [true, true, false]);
        assert_eq!(hosts.current().expose(), "https://b/x");
    }

    #[test]
    fn one_is_enough_and_none_is_too_few() {
        let mut one = hosts(&["https://a/x"]);
        assert!(!one.fail_over() && !one.fail_over());
        assert_eq!(one.current().expose(), "https://a/x");
        assert_eq!(Hosts::new([]), None);
    }

    #[test]
    fn a_host_alone_is_one_by_https() {
        for (endpoint, wanted) in [
            ("play.example", "https://play.example"),
            ("localhost:8443", "https://localhost:8443"),
            ("http://play.example", "http://play.example"),
            ("/s/1/getplayinfo/v4", "/s/1/getplayinfo/v4"),
            ("", ""),
        ] {
            assert_eq!(hosts(&[endpoint]).current().expose(), wanted);
        }
    }
}
