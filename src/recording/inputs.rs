//! Inputs and the configuration as bytes.

use super::value::{Value, fields, names, put_all, take_all};
use crate::access::WrappedOverlay;
use crate::engine::{
    Chunk, Command, Config, ElementEvent, ElementState, Environment, Grant, Input, Kinds, NetEvent,
    NetFailure, OverlaySeed, Query, RenewFailure, RequestId, ResponseHead, SinkEvent, SinkFailure, Source,
    TextChoice, TokenPlacement,
};
use crate::media::TrackKind;

/// An input, but for bytes that came out before and are not written again.
pub(super) enum Recorded {
    Input(Input),
    Full(TrackKind),
}

pub(super) fn put(input: &Input, out: &mut Vec<u8>) {
    match input {
        Input::Command(command) => tagged(0, command, out),
        Input::Net { id, event } => {
            tagged(1, id, out);
            event.put(out);
        }
        Input::Sink(event) => put_sink(event, out),
        Input::Element { event, state } => {
            tagged(6, event, out);
            state.put(out);
        }
        Input::Environment(environment) => tagged(7, environment, out),
        Input::Wake => 8u64.put(out),
    }
}

fn put_sink(event: &SinkEvent, out: &mut Vec<u8>) {
    match event {
        SinkEvent::Opened => 2u64.put(out),
        SinkEvent::Done { track, buffered } => {
            tagged(3, track, out);
            put_all(buffered, out);
        }
        SinkEvent::Full { track, data: _ } => tagged(4, track, out),
        SinkEvent::Failed { failure, detail } => {
            tagged(5, failure, out);
            detail.put(out);
        }
    }
}

fn tagged(tag: u64, value: &impl Value, out: &mut Vec<u8>) {
    tag.put(out);
    value.put(out);
}

impl Value for Recorded {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Input(input) => put(input, out),
            Self::Full(track) => tagged(4, track, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self::Input(match u64::take(from)? {
            0 => Input::Command(Value::take(from)?),
            1 => Input::Net { id: Value::take(from)?, event: Value::take(from)? },
            2 => Input::Sink(SinkEvent::Opened),
            3 => Input::Sink(SinkEvent::Done { track: Value::take(from)?, buffered: take_all(from)? }),
            4 => return Some(Self::Full(Value::take(from)?)),
            5 => Input::Sink(SinkEvent::Failed { failure: Value::take(from)?, detail: Value::take(from)? }),
            6 => Input::Element { event: Value::take(from)?, state: Value::take(from)? },
            7 => Input::Environment(Value::take(from)?),
            8 => Input::Wake,
            _ => return None,
        }))
    }
}

impl Value for Command {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Load(sources) => {
                0u64.put(out);
                put_all(sources, out);
            }
            Self::Seek(to) => tagged(1, to, out),
            Self::SelectRung(rung) => tagged(2, rung, out),
            Self::Stop => 3u64.put(out),
            Self::LimitRungs { floor, cap } => {
                tagged(4, floor, out);
                cap.put(out);
            }
            Self::PauseLoading(pauses) => tagged(5, pauses, out),
            Self::SelectAudio(audio) => tagged(6, audio, out),
            Self::SelectText(text) => tagged(7, text, out),
            Self::Renewed { id, answer } => {
                tagged(8, id, out);
                match answer {
                    Ok(grant) => tagged(0, grant, out),
                    Err(failure) => tagged(1, failure, out),
                }
            }
            Self::ServerTime(time) => tagged(9, time, out),
            Self::DropKeys => 10u64.put(out),
            Self::Look(source) => tagged(11, &**source, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::Load(take_all(from)?),
            1 => Self::Seek(Value::take(from)?),
            2 => Self::SelectRung(Value::take(from)?),
            3 => Self::Stop,
            4 => Self::LimitRungs { floor: Value::take(from)?, cap: Value::take(from)? },
            5 => Self::PauseLoading(Value::take(from)?),
            6 => Self::SelectAudio(Value::take(from)?),
            7 => Self::SelectText(Value::take(from)?),
            8 => Self::Renewed {
                id: Value::take(from)?,
                answer: match u64::take(from)? {
                    0 => Ok(Value::take(from)?),
                    1 => Err(Value::take(from)?),
                    _ => return None,
                },
            },
            9 => Self::ServerTime(Value::take(from)?),
            10 => Self::DropKeys,
            11 => Self::Look(Box::new(Value::take(from)?)),
            _ => return None,
        })
    }
}

impl Value for Source {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::PlayInfo { endpoints, app_id, file_id, query, overlay } => {
                0u64.put(out);
                put_all(endpoints, out);
                app_id.put(out);
                file_id.put(out);
                query.put(out);
                overlay.put(out);
            }
            Self::Hls { url, token } => {
                tagged(1, url, out);
                token.put(out);
            }
            Self::File { url } => tagged(2, url, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::PlayInfo {
                endpoints: take_all(from)?,
                app_id: Value::take(from)?,
                file_id: Value::take(from)?,
                query: Value::take(from)?,
                overlay: Value::take(from)?,
            },
            1 => Self::Hls { url: Value::take(from)?, token: Value::take(from)? },
            2 => Self::File { url: Value::take(from)? },
            _ => return None,
        })
    }
}

impl Value for Query {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4 { psign, context, overlay } => {
                tagged(0, psign, out);
                context.put(out);
                overlay.put(out);
            }
            Self::V2 { t, us, exper, sign } => {
                tagged(1, t, out);
                us.put(out);
                exper.put(out);
                sign.put(out);
            }
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::V4 {
                psign: Value::take(from)?,
                context: Value::take(from)?,
                overlay: Value::take(from)?,
            },
            1 => Self::V2 {
                t: Value::take(from)?,
                us: Value::take(from)?,
                exper: Value::take(from)?,
                sign: Value::take(from)?,
            },
            _ => return None,
        })
    }
}

impl Value for TextChoice {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Auto => 0u64.put(out),
            Self::Off => 1u64.put(out),
            Self::Track(track) => tagged(2, track, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::Auto,
            1 => Self::Off,
            2 => Self::Track(Value::take(from)?),
            _ => return None,
        })
    }
}

impl Value for TokenPlacement {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::FileNamePrefix => 0u64.put(out),
            Self::KeyQuery(name) => tagged(1, name, out),
            Self::Query(name, kinds) => {
                tagged(2, name, out);
                u64::from(kinds.bits()).put(out);
            }
            Self::Header(name, kinds) => {
                tagged(3, name, out);
                u64::from(kinds.bits()).put(out);
            }
            Self::PathPrefix(name, kinds) => {
                tagged(4, name, out);
                u64::from(kinds.bits()).put(out);
            }
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::FileNamePrefix,
            1 => Self::KeyQuery(Value::take(from)?),
            2 => Self::Query(Value::take(from)?, Kinds::of_bits(u8::try_from(u64::take(from)?).ok()?)),
            4 => Self::PathPrefix(Value::take(from)?, Kinds::of_bits(u8::try_from(u64::take(from)?).ok()?)),
            3 => Self::Header(Value::take(from)?, Kinds::of_bits(u8::try_from(u64::take(from)?).ok()?)),
            _ => return None,
        })
    }
}

impl Value for RequestId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Value::take(from).map(Self)
    }
}

impl Value for NetEvent {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Head(head) => tagged(0, head, out),
            Self::Chunk(Chunk(bytes)) => tagged(1, bytes, out),
            Self::End => 2u64.put(out),
            Self::Failed(failure) => tagged(3, failure, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::Head(Value::take(from)?),
            1 => Self::Chunk(Chunk(Value::take(from)?)),
            2 => Self::End,
            3 => Self::Failed(Value::take(from)?),
            _ => return None,
        })
    }
}

impl Value for Environment {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Online(online) => tagged(0, online, out),
            Self::Visible(visible) => tagged(1, visible, out),
            Self::Viewport { width, height } => {
                tagged(2, width, out);
                height.put(out);
            }
            Self::SavesData(saves) => tagged(3, saves, out),
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u64::take(from)? {
            0 => Self::Online(Value::take(from)?),
            1 => Self::Visible(Value::take(from)?),
            2 => Self::Viewport { width: Value::take(from)?, height: Value::take(from)? },
            3 => Self::SavesData(Value::take(from)?),
            _ => return None,
        })
    }
}

impl Value for Config {
    fn put(&self, out: &mut Vec<u8>) {
        let Self {
            session_id,
            seed,
            wall_clock,
            report_url,
            report_interval,
            buffer_goal,
            back_buffer,
            stored_throughput,
            start,
            start_rung,
            cap_to_viewport,
            data_budget,
            replace_buffered,
            audio_languages,
            text_languages,
            renews,
            token_hosts,
            unsupported_codecs,
        } = self;
        session_id.put(out);
        seed.put(out);
        wall_clock.put(out);
        report_url.put(out);
        report_interval.put(out);
        buffer_goal.put(out);
        back_buffer.put(out);
        stored_throughput.put(out);
        start.put(out);
        start_rung.put(out);
        cap_to_viewport.put(out);
        data_budget.put(out);
        replace_buffered.put(out);
        put_all(audio_languages, out);
        put_all(text_languages, out);
        renews.put(out);
        put_all(token_hosts, out);
        put_all(unsupported_codecs, out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self {
            session_id: Value::take(from)?,
            seed: Value::take(from)?,
            wall_clock: Value::take(from)?,
            report_url: Value::take(from)?,
            report_interval: Value::take(from)?,
            buffer_goal: Value::take(from)?,
            back_buffer: Value::take(from)?,
            stored_throughput: Value::take(from)?,
            start: Value::take(from)?,
            start_rung: Value::take(from)?,
            cap_to_viewport: Value::take(from)?,
            data_budget: Value::take(from)?,
            replace_buffered: Value::take(from)?,
            audio_languages: take_all(from)?,
            text_languages: take_all(from)?,
            renews: Value::take(from)?,
            token_hosts: take_all(from)?,
            unsupported_codecs: take_all(from)?,
        })
    }
}

fields!(Grant { url, token, expires, server_time });
names!(RenewFailure { Unavailable = 0, Revoked = 1 });
fields!(WrappedOverlay { key, iv, key_id });
fields!(OverlaySeed { public_key, key_id, seed });
fields!(ResponseHead { status, url, content_length, date, retry_after, retry_at });
fields!(ElementState { position, paused, seeking, rate, ready_state, decoded_frames, dropped_frames });
names!(TrackKind { Video = 0, Audio = 1 });
names!(NetFailure { Offline = 0, Network = 1, Short = 2 });
names!(SinkFailure { Unavailable = 0, UnsupportedType = 1, Append = 2, Decode = 3, Closed = 4 });
names!(ElementEvent {
    TimeUpdate = 0,
    Play = 1,
    Pause = 2,
    Playing = 3,
    Waiting = 4,
    Seeking = 5,
    Seeked = 6,
    RateChange = 7,
    FirstFrame = 8,
    Ended = 9,
});
