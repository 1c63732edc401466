//! Why there is no play info, and what can be done about it.

use super::MAX_BODY;

/// Why there is no play info.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayInfoError {
    /// The body is larger than any real one.
    #[error("the play info is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// The body is not JSON: most often the page of something between the player and the service.
    #[error("the play info is not JSON (line {line}, column {column})")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field is missing or not what it should be.
    #[error("the play info has no usable {field}")]
    Shape {
        /// Its path.
        field: &'static str,
    },
    /// The service answered with an error code.
    #[error("{} (code {code})", self.plainly())]
    Service {
        /// The service's own number.
        code: i64,
    },
    /// There are streams, but none that this player has the means for.
    #[error(
        "every stream of this file is under a DRM system or in a container that this player does not support"
    )]
    NoSource,
}

/// What can be done about a [`PlayInfoError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Asking again, or another host, may help.
    Retry,
    /// Another player signature may help.
    RenewToken,
    /// Nothing.
    Fatal,
}

impl PlayInfoError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match (self, self.class()) {
            (Self::TooLarge, _) => "play_info_too_large",
            (Self::NotJson { .. }, _) => "play_info_not_json",
            (Self::Shape { .. }, _) => "play_info_shape",
            (Self::NoSource, _) => "play_info_no_source",
            (Self::Service { .. }, Class::Retry) => "play_info_unavailable",
            (Self::Service { .. }, Class::RenewToken) => "play_info_token_refused",
            (Self::Service { .. }, Class::Fatal) => "play_info_refused",
        }
    }

    /// What can be done about it.
    pub fn class(&self) -> Class {
        match self {
            // What is not the service's own answer says nothing of the file.
            Self::TooLarge | Self::NotJson { .. } | Self::Service { code: 2000..=2999 } => Class::Retry,
            Self::Service { code: 403 | 1004 | 1009 | 1021 } => Class::RenewToken,
            Self::Service { .. } | Self::Shape { .. } | Self::NoSource => Class::Fatal,
        }
    }

    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        self.class() == Class::Retry
    }

    fn plainly(&self) -> &'static str {
        match self.class() {
            Class::Retry => "the play-info service cannot answer at the moment",
            Class::RenewToken => {
                "the play-info service refuses the player signature: missing, expired or not for this file"
            }
            Class::Fatal => "the play-info service refuses this file or this request",
        }
    }
}
