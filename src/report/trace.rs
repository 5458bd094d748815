//! A timeline as a trace for ui.perfetto.dev, in its own format (TrackEvent).
//!
//! Each node has a group of tracks, one for each signal that it ever has: a slice lasts as
//! long as the node is a member. Services are a group of their own, with a slice for each
//! condition; faults of a script are instants. Field numbers are those of
//! protos/perfetto/trace in github.com/google/perfetto.

use super::timeline::{Event, Timeline};
use prost::Message;
use std::collections::BTreeMap;

/// The file: packets in a row.
#[derive(Clone, PartialEq, Message)]
pub struct Trace {
    /// The packets.
    #[prost(message, repeated, tag = "1")]
    pub packet: Vec<TracePacket>,
}

/// One packet: a track, or an event on one.
#[derive(Clone, PartialEq, Message)]
pub struct TracePacket {
    /// Nanoseconds.
    #[prost(uint64, optional, tag = "8")]
    pub timestamp: Option<u64>,
    /// Who wrote it; not 0.
    #[prost(uint32, optional, tag = "10")]
    pub trusted_packet_sequence_id: Option<u32>,
    /// An event.
    #[prost(message, optional, tag = "11")]
    pub track_event: Option<TrackEvent>,
    /// 1 where nothing before counts.
    #[prost(uint32, optional, tag = "13")]
    pub sequence_flags: Option<u32>,
    /// A track.
    #[prost(message, optional, tag = "60")]
    pub track_descriptor: Option<TrackDescriptor>,
}

/// A track.
#[derive(Clone, PartialEq, Message)]
pub struct TrackDescriptor {
    /// Its number.
    #[prost(uint64, optional, tag = "1")]
    pub uuid: Option<u64>,
    /// Its name.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// The group that it is in.
    #[prost(uint64, optional, tag = "5")]
    pub parent_uuid: Option<u64>,
}

/// The beginning or end of a slice, or an instant.
#[derive(Clone, PartialEq, Message)]
pub struct TrackEvent {
    /// See [`EventType`].
    #[prost(enumeration = "EventType", optional, tag = "9")]
    pub r#type: Option<i32>,
    /// The track.
    #[prost(uint64, optional, tag = "11")]
    pub track_uuid: Option<u64>,
    /// `node`, `service` or `fault`.
    #[prost(string, repeated, tag = "22")]
    pub categories: Vec<String>,
    /// What it is called.
    #[prost(string, optional, tag = "23")]
    pub name: Option<String>,
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum EventType {
    /// No event has this.
    Unspecified = 0,
    /// A slice begins.
    SliceBegin = 1,
    /// A slice ends.
    SliceEnd = 2,
    /// Something that takes no time.
    Instant = 3,
}

const SEQUENCE: u32 = 1;
const NOTHING_BEFORE: u32 = 1;

/// The bytes of a trace file.
pub fn encode(timeline: &Timeline) -> Vec<u8> {
    let mut writer = Writer::default();
    for (t_s, event) in timeline.events() {
        let at = nanoseconds(t_s);
        match event {
            Event::Fault(text) => {
                let track = writer.track("faults", "script");
                writer.event(at, track, EventType::Instant, "fault", Some(text));
            }
            Event::Signal(signal, nodes) => writer.members(at, signal, nodes),
            Event::Service(service, state, _) => {
                let track = writer.track("services", service);
                writer.slice(at, track, "service", Some(state));
            }
        }
    }
    writer.close(nanoseconds(timeline.until_s()));
    writer.trace().encode_to_vec()
}

fn nanoseconds(t_s: f64) -> u64 {
    (t_s.max(0.0) * 1e9).round() as u64
}

#[derive(Default)]
struct Writer {
    /// Numbers of groups and of tracks in them, in the order of their first use.
    groups: BTreeMap<String, u64>,
    tracks: BTreeMap<(String, String), u64>,
    last: u64,
    /// Tracks on which a slice is open.
    open: BTreeMap<u64, &'static str>,
    /// The nodes that a signal has.
    members: BTreeMap<String, Vec<String>>,
    descriptors: Vec<TracePacket>,
    events: Vec<TracePacket>,
}

impl Writer {
    fn new_track(&mut self, name: &str, parent_uuid: Option<u64>) -> u64 {
        self.last += 1;
        self.descriptors.push(TracePacket {
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_descriptor: Some(TrackDescriptor {
                uuid: Some(self.last),
                name: Some(name.to_owned()),
                parent_uuid,
            }),
            ..TracePacket::default()
        });
        self.last
    }

    fn track(&mut self, group: &str, name: &str) -> u64 {
        let key = (group.to_owned(), name.to_owned());
        if let Some(track) = self.tracks.get(&key) {
            return *track;
        }
        let parent = match self.groups.get(group) {
            Some(parent) => *parent,
            None => {
                let parent = self.new_track(group, None);
                self.groups.insert(group.to_owned(), parent);
                parent
            }
        };
        let track = self.new_track(name, Some(parent));
        self.tracks.insert(key, track);
        track
    }

    fn event(
        &mut self,
        at: u64,
        track: u64,
        kind: EventType,
        category: &'static str,
        name: Option<&str>,
    ) {
        self.events.push(TracePacket {
            timestamp: Some(at),
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_event: Some(TrackEvent {
                r#type: Some(kind.into()),
                track_uuid: Some(track),
                categories: vec![category.to_owned()],
                name: name.map(str::to_owned),
            }),
            ..TracePacket::default()
        });
    }

    /// Ends the slice of a track, if one is open, and begins another, if it has a name.
    fn slice(&mut self, at: u64, track: u64, category: &'static str, name: Option<&str>) {
        if let Some(category) = self.open.remove(&track) {
            self.event(at, track, EventType::SliceEnd, category, None);
        }
        if let Some(name) = name {
            self.event(at, track, EventType::SliceBegin, category, Some(name));
            self.open.insert(track, category);
        }
    }

    fn members(&mut self, at: u64, signal: &str, nodes: &[String]) {
        let before = self
            .members
            .insert(signal.to_owned(), nodes.to_vec())
            .unwrap_or_default();
        for node in before.iter().filter(|node| !nodes.contains(node)) {
            let track = self.track(node, signal);
            self.slice(at, track, "node", None);
        }
        for node in nodes.iter().filter(|node| !before.contains(node)) {
            let track = self.track(node, signal);
            self.slice(at, track, "node", Some(signal));
        }
    }

    fn close(&mut self, at: u64) {
        for (track, category) in std::mem::take(&mut self.open) {
            self.event(at, track, EventType::SliceEnd, category, None);
        }
    }

    fn trace(self) -> Trace {
        let mut packet = self.descriptors;
        packet.extend(self.events);
        if let Some(first) = packet.first_mut() {
            first.sequence_flags = Some(NOTHING_BEFORE);
        }
        Trace { packet }
    }
}
