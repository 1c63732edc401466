use super::*;
use crate::engine::{
    Chunk, Command, ElementEvent, ElementState, Environment, Kinds, NetEvent, NetFailure, OverlaySeed, Query,
    RequestId, ResponseHead, SinkFailure, Source, TextChoice, TokenPlacement,
};
use crate::secret::{Secret, Url};
use crate::time::{MediaTime, TimeRange};
use core::time::Duration;

/// One of each.
fn inputs() -> Vec<Input> {
    let net = |event| Input::Net { id: RequestId(u64::MAX), event };
    let range = TimeRange { start: MediaTime::from_ticks(-1), end: MediaTime::MAX };
    let head = ResponseHead {
        status: 206,
        url: Some(Url::new("https://cdn.example/a?signature=5ec2e7")),
        content_length: Some(1 << 40),
        date: Some(-5),
        retry_after: Some(Duration::new(3, 999_999_999)),
        retry_at: Some(1_800_000_000_123),
    };
    let state = ElementState {
        position: MediaTime::from_ticks(i64::MIN),
        paused: true,
        seeking: false,
        rate: 1.05,
        ready_state: 4,
        decoded_frames: 300,
        dropped_frames: 0,
    };
    let token = |placement| Some((Secret::new("tok.en".to_owned()), placement));
    let url = || Url::new("https://cdn.example/m.m3u8");
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let play_info = |query| Source::PlayInfo {
        endpoints: vec![url(), url()],
        app_id: "1".into(),
        file_id: "é".into(),
        query,
        overlay: Some(OverlaySeed {
            public_key: "PEM".into(),
            key_id: "1".into(),
            seed: Secret::new([7; 32]),
        }),
    };
    vec![
        Input::Command(Command::Load(vec![Source::Hls {
            url: url(),
            token: token(TokenPlacement::FileNamePrefix),
        }])),
        Input::Command(Command::Load(vec![
            Source::Hls { url: url(), token: token(TokenPlacement::KeyQuery("t".into())) },
            Source::Hls { url: url(), token: token(TokenPlacement::PathPrefix("t".into(), Kinds::KEY)) },
            play_info(Query::V4 { psign: secret("p.s"), context: None, overlay: None }),
            Source::File { url: url() },
        ])),
        Input::Command(Command::Look(Box::new(play_info(Query::V2 {
            t: Some("5a71afc0".into()),
            us: None,
            exper: Some("300".into()),
            sign: secret("5ec2e7"),
        })))),
        Input::Command(Command::LimitRungs { floor: None, cap: Some(2) }),
        Input::Command(Command::PauseLoading(true)),
        Input::Command(Command::SelectAudio(Some(1))),
        Input::Command(Command::SelectText(TextChoice::Auto)),
        Input::Command(Command::SelectText(TextChoice::Off)),
        Input::Command(Command::SelectText(TextChoice::Track(2))),
        Input::Environment(Environment::SavesData(true)),
        Input::Command(Command::Seek(MediaTime::from_millis(7))),
        Input::Command(Command::SelectRung(Some(3))),
        Input::Command(Command::Stop),
        net(NetEvent::Head(head)),
        net(NetEvent::Chunk(Chunk(vec![0, 255, 128]))),
        net(NetEvent::End),
        net(NetEvent::Failed(NetFailure::Short)),
        Input::Sink(SinkEvent::Opened),
        Input::Sink(SinkEvent::Done { track: TrackKind::Audio, buffered: vec![range, range] }),
        Input::Sink(SinkEvent::Failed { failure: SinkFailure::Closed, detail: "gone".into() }),
        Input::Element { event: ElementEvent::Ended, state },
        Input::Environment(Environment::Online(true)),
        Input::Environment(Environment::Visible(false)),
        Input::Environment(Environment::Viewport { width: 1, height: 2 }),
        Input::Wake,
    ]
}

#[test]
fn every_input_is_read_as_it_was_written() {
    for input in inputs() {
        let mut bytes = Vec::new();
        inputs::put(&input, &mut bytes);
        let mut rest = &bytes[..];
        let Some(Recorded::Input(read)) = Value::take(&mut rest) else { panic!("{input:?}") };
        assert!(rest.is_empty(), "{input:?}");
        let mut again = Vec::new();
        inputs::put(&read, &mut again);
        assert_eq!((&bytes, format!("{input:?}")), (&again, format!("{read:?}")));
        for end in 0..again.len() {
            assert!(Recorded::take(&mut &again[..end]).is_none(), "{input:?} cut after {end} bytes");
        }
    }
}

fn recording() -> Vec<u8> {
    let config = Config { start: MediaTime::from_millis(3), seed: 9, ..Config::default() };
    let mut bytes = Vec::new();
    let now = Timestamp::from_millis(5);
    let (mut session, mut recorder) =
        (Session::new(config.clone(), now), Recorder::new(&config, now, &mut bytes));
    let mut inputs = inputs().into_iter();
    let load = inputs.next().into_iter();
    let failed = Input::Net { id: RequestId(1), event: NetEvent::Failed(NetFailure::Network) };
    for (at, input) in load.chain([failed, Input::Wake]).enumerate() {
        let now = now + Duration::from_secs(at as u64);
        recorder.input(now, &input, &mut bytes);
        session.handle(now, input);
        while let Some(output) = session.poll() {
            recorder.output(&output);
        }
    }
    recorder.finish(&mut bytes);
    bytes
}

#[test]
fn a_recording_plays_to_the_same_outputs_and_one_that_breaks_off_plays_to_there() {
    let bytes = recording();
    let whole = replay(&bytes, |_, _| {}).unwrap();
    assert_eq!((whole.inputs, whole.breaks_off), (3, false));
    assert!(whole.outputs > 5, "{whole:?}");
    let start = bytes.len() - 30;
    for end in start..bytes.len() {
        let part = replay(&bytes[..end], |_, _| {}).unwrap();
        assert!(part.inputs <= 3, "{part:?}");
    }
}

#[test]
fn other_outputs_are_told_with_the_input_that_led_to_them() {
    let bytes = recording();
    let text = b"cdn.example";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    let mut other = bytes;
    other[at] = b'x';
    let difference = replay(&other, |_, _| {}).unwrap_err();
    assert!(matches!(difference, ReplayError::Differs { input: 1, .. }), "{difference}");
    assert_eq!(replay(b"something else", |_, _| {}), Err(ReplayError::Format));
}
