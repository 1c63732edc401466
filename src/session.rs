//! A playback session: the engine and the media pipelines it commands.
