//! What a segment needs beside its own bytes: its key, its init section, and its place on the timeline.
//!
//! All of it is asked for at the same moment as the segment, and the segment's bytes wait in the pipeline for what comes
//! later than they do, so that no request waits for another.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::crypto::{ContentKey, Iv, SegmentMethod};
use crate::error::{Phase, PlayerError};
use crate::media::{Anchor, Cut, SegmentStart};
use crate::playlist::{Key, Map, Method, Segment};
use crate::time::Timestamp;

use super::catalog::Media;
use super::info::Info;
use super::io::{Encryption, InitData, Needs, PipelineCommand, RequestId, Scheme};
use super::lane::{Cipher, InitSection, LaneId};
use super::recovery::Fault;
use super::requests::{Ask, Purpose};
use super::rungs::SECOND_THOUGHT;
use super::timers::Timer;
use super::{Effect, Engine, Stage};

/// Init sections at hand, as they came; the one unused for longest makes room.
#[derive(Debug, Default)]
pub(crate) struct Inits(VecDeque<(String, Arc<[u8]>)>);

impl Inits {
    fn get(&mut self, identity: &str) -> Option<Arc<[u8]>> {
        let i = self.0.iter().position(|(name, _)| name == identity)?;
        let entry = self.0.remove(i)?;
        let bytes = entry.1.clone();
        self.0.push_back(entry);
        Some(bytes)
    }

    /// Drops one that may be damaged.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.0.retain(|(name, _)| name != identity);
    }

    fn put(&mut self, identity: String, bytes: &[u8]) {
        self.0.retain(|(name, _)| *name != identity);
        if self.0.len() >= MAX_INITS {
            self.0.pop_front();
        }
        self.0.push_back((identity, bytes.into()));
    }
}

impl Engine {
    /// How a segment is encrypted, and where its key is.
    pub(super) fn cipher(&self, media: &Media, segment: &Segment) -> Result<Option<Cipher>, PlayerError> {
        self.cipher_of(media, &segment.keys, segment.sequence)
    }

    /// The init section of a segment. An encrypted one whose key names no vector takes the segment's.
    pub(super) fn init_section(
        &self,
        media: &Media,
        map: &Map,
        segment: &Segment,
    ) -> Result<InitSection, PlayerError> {
        let url = self.credentials.child_url(&media.url, &map.uri);
        let range = map.byte_range.map(|r| (r.offset, r.length));
        let name = self.credentials.cache_key(&map.uri);
        let identity = match range {
            Some((offset, length)) => format!("{name}@{offset}+{length}"),
            None => name,
        };
        // Of a stream that is encrypted sample by sample the init section is in the clear.
        let cipher = self.cipher_of(media, &map.keys, segment.sequence)?;
        let cipher = cipher.filter(|cipher| matches!(cipher.encryption.scheme, Scheme::Segment(_)));
        Ok(InitSection { identity, url, range, cipher })
    }

    fn cipher_of(&self, media: &Media, keys: &[Key], sequence: u64) -> Result<Option<Cipher>, PlayerError> {
        let unsupported = |message: String| PlayerError {
            code: "encryption_unsupported",
            phase: Phase::Decrypt,
            status: None,
            fatal: true,
            message,
            url: None,
        };
        if keys.is_empty() {
            return Ok(None);
        }
        let Some(key) = keys.iter().find(|k| k.is_identity()) else {
            let message = format!(
                "the key comes by way of a DRM system, by the EXT-X-KEY with KEYFORMAT {}",
                keys.iter().map(|k| k.keyformat.as_ref()).collect::<Vec<_>>().join(", ")
            );
            return Err(PlayerError { code: "drm_unsupported", ..unsupported(message) });
        };
        let scheme = match &key.method {
            Method::Aes128 => Scheme::Segment(SegmentMethod::Aes128),
            Method::Aes256 => Scheme::Segment(SegmentMethod::Aes256),
            Method::Aes256Ctr => Scheme::Segment(SegmentMethod::Aes256Ctr),
            Method::SampleAes | Method::SampleAesCtr => Scheme::Samples,
            Method::None | Method::Other(_) => {
                return Err(unsupported(format!("unknown encryption method {}", key.method.name())));
            }
        };
        let Some(uri) = &key.uri else {
            return Err(unsupported("an EXT-X-KEY without URI".into()));
        };
        Ok(Some(Cipher {
            key: self.credentials.cache_key(uri),
            url: self.credentials.key_url(&media.url, uri),
            encryption: Encryption { scheme, iv: Iv::from_bytes(key.iv_for(sequence)) },
        }))
    }

    /// Asks for what the segment being loaded needs, unless it is at hand or on its way.
    pub(super) fn ask_for_material(&mut self, now: Timestamp, lane: LaneId) {
        let Some(loading) = self.lanes.lane(lane).loading() else { return };
        let init = loading.init.clone();
        let ciphers = [init.as_ref().and_then(|init| init.cipher.clone()), loading.cipher.clone()];
        // The init section before the key: nothing can be shown without it, and it is as small.
        if let Some(InitSection { identity, url, range, .. }) = init
            && self.inits.get(&identity).is_none()
        {
            self.ask_once(now, Ask { range, ..Ask::get(Purpose::Init(identity), url) });
        }
        for Cipher { key, url, .. } in ciphers.into_iter().flatten() {
            if self.keys.get(&key).is_none() {
                self.ask_once(now, Ask::get(Purpose::Key(key), url));
            }
        }
        // The key of the next segment, where keys change, so that nothing waits for it then. At the start the first frame
        // has the network for itself.
        if self.playhead.has_started()
            && let Some(Cipher { key, url, .. }) = self.next_cipher(lane)
            && self.keys.get(&key).is_none()
        {
            self.ask_once(now, Ask::get(Purpose::Key(key), url));
        }
    }

    /// How the segment behind the one being loaded is encrypted.
    fn next_cipher(&self, lane: LaneId) -> Option<Cipher> {
        let loading = self.lanes.lane(lane).loading()?;
        let Stage::Open(catalog) = &self.stage else { return None };
        let media = catalog.media(lane, loading.rung)?;
        let next = media.playlist.segment(loading.sequence.checked_add(1)?)?;
        self.cipher(media, next).ok()?
    }

    fn ask_once(&mut self, now: Timestamp, ask: Ask) {
        if !self.requests.is_pending(&ask.purpose) {
            self.send(now, ask);
        }
    }

    pub(super) fn key_arrived(&mut self, now: Timestamp, ask: Ask, identity: String, body: &[u8]) {
        let needed = self.lanes.loading().find_map(|loading| loading.key_length(&identity));
        let needed = needed.or_else(|| {
            let next = LaneId::ALL.into_iter().filter_map(|lane| self.next_cipher(lane));
            let of_this = next.into_iter().find(|cipher| cipher.key == identity);
            of_this.map(|cipher| cipher.encryption.scheme.key_length())
        });
        let key = match self.info.as_ref().and_then(Info::overlay) {
            Some(overlay) => overlay.unwrap(body),
            None => ContentKey::from_bytes(body),
        };
        let key = key.and_then(|key| needed.map_or(Ok(()), |needed| key.check_length(needed)).map(|()| key));
        match key {
            Ok(key) => {
                self.keys.put(identity.clone(), key.clone());
                for lane in LaneId::ALL {
                    let Some(loading) = self.lanes.lane(lane).loading() else { continue };
                    let Some(id) = loading.request else { continue };
                    if loading.cipher.as_ref().is_some_and(|c| c.key == identity) {
                        self.command(PipelineCommand::Key(id, key.clone()));
                    }
                    self.give_init(lane, |init| init.cipher.as_ref().is_some_and(|c| c.key == identity));
                }
            }
            Err(error) => {
                self.failed(now, ask, Fault::Corrupt, None, Some((error.code(), error.to_string())))
            }
        }
    }

    pub(super) fn init_arrived(&mut self, now: Timestamp, ask: Ask, identity: String, body: &[u8]) {
        if body.is_empty() || body.len() > MAX_INIT {
            let message = format!("an init section has 1 to {MAX_INIT} bytes, this has {}", body.len());
            return self.failed(now, ask, Fault::Corrupt, None, Some(("init_section_size", message)));
        }
        self.inits.put(identity.clone(), body);
        for lane in LaneId::ALL {
            self.give_init(lane, |init| init.identity == identity);
        }
    }

    /// Hands the lane's pipeline its init section, if it is of this sort and all that it needs is here.
    fn give_init(&mut self, lane: LaneId, is: impl FnOnce(&InitSection) -> bool) {
        let Some(loading) = self.lanes.lane(lane).loading() else { return };
        let (Some(id), Some(init)) = (loading.request, loading.init.clone().filter(is)) else { return };
        let Some(bytes) = self.inits.get(&init.identity) else { return };
        let cipher = match init.cipher {
            None => None,
            Some(Cipher { key, encryption, .. }) => match (encryption.scheme, self.keys.get(&key)) {
                (Scheme::Segment(method), Some(key)) => Some((method, key, encryption.iv)),
                (Scheme::Samples, _) => None,
                (Scheme::Segment(_), None) => return,
            },
        };
        self.command(PipelineCommand::Init(id, InitData { identity: init.identity, bytes, cipher }));
    }

    /// The segment's request is in flight: get the pipeline ready for its bytes.
    pub(super) fn segment_sent(&mut self, now: Timestamp, lane: LaneId, id: RequestId) {
        let Some(loading) = self.lanes.lane_mut(lane).loading_mut() else { return };
        loading.request = Some(id);
        if lane == LaneId::Main {
            self.history.sent(now);
            self.timers.set(Timer::SecondThought, Some(now + SECOND_THOUGHT));
        }
        let (start, cipher, init) = (loading.range.start, loading.cipher.clone(), loading.init.is_some());
        let (continues, discontinuity, urgent) = (loading.continues, loading.discontinuity, loading.urgent);
        let (sequence, failures) = (loading.discontinuity_sequence, loading.ask.failures);
        let offset = self.lanes.offset(sequence);
        // The rungs set the timeline, and the sound follows: two that set it would not agree to the tick.
        let place = offset.is_none() && lane == LaneId::Audio;
        if let Some(loading) = self.lanes.lane_mut(lane).loading_mut() {
            loading.awaits_offset = place;
        }
        // Text is loaded where media has come; where their sequences differ nothing better is known.
        let last = || self.lanes.last_offset(sequence.0).filter(|_| lane == LaneId::Text);
        let anchor = match offset.or_else(last) {
            Some(offset) => Anchor::Offset { offset, expected: start },
            None => Anchor::At(start),
        };
        let cut = if urgent { Cut::FirstFrame(Cut::STEADY) } else { Cut::default() };
        let plan = SegmentStart { anchor, discontinuity, cut };
        let needs = Needs { encryption: cipher.as_ref().map(|c| c.encryption), init, place };
        self.command(PipelineCommand::Begin { id, lane, plan, continues, needs });
        self.give_init(lane, |_| true);
        if let Some(key) = cipher.and_then(|c| self.keys.get(&c.key)) {
            self.command(PipelineCommand::Key(id, key));
        }
        // What did not fit was dropped since: another attempt asks for it anew.
        if failures > 0 {
            self.ask_for_material(now, lane);
        }
    }

    /// The offset of a discontinuity sequence is known: bytes that wait for it can go on. So can those whose own
    /// sequence number the rungs have passed without ever having it: playlists of renditions are seen to miscount.
    pub(super) fn offset_found(&mut self, passed: bool) {
        let Some(loading) = self.lanes.audio.loading().filter(|l| l.awaits_offset) else { return };
        let (request, expected, sequence) =
            (loading.request, loading.range.start, loading.discontinuity_sequence);
        let offset = if passed { self.lanes.likely_offset(sequence) } else { self.lanes.offset(sequence) };
        let (Some(id), Some(offset)) = (request, offset) else { return };
        self.place(id, Anchor::Offset { offset, expected });
    }

    /// The rungs have nothing more to load, and what they have does not say where the sound belongs: it goes where its
    /// playlist has it.
    pub(super) fn place_sound(&mut self) {
        let Some(loading) = self.lanes.audio.loading().filter(|l| l.awaits_offset) else { return };
        let start = loading.range.start;
        if let Some(id) = loading.request {
            self.place(id, Anchor::At(start));
        }
    }

    fn place(&mut self, id: RequestId, anchor: Anchor) {
        if let Some(loading) = self.lanes.audio.loading_mut() {
            loading.awaits_offset = false;
        }
        self.command(PipelineCommand::Place(id, anchor));
    }

    pub(super) fn command(&mut self, command: PipelineCommand) {
        self.outbox.push_back(Effect::Pipeline(command));
    }
}

const MAX_INITS: usize = 32;
/// Bytes in an init section: one with many DRM headers has some ten thousand.
const MAX_INIT: usize = 1 << 20;
