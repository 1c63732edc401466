//! The lines of a playlist, as far as the origin looks into them.

/// A line of a playlist that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Line<'a> {
    /// `#EXTINF`: its seconds, and the line.
    Duration(f64, &'a str),
    /// A child's address.
    Uri(&'a str),
    /// Any other line.
    Tag(&'a str),
}

/// The address in a tag, with its quotes left out.
pub(crate) fn uri_of(tag: &str) -> Option<&str> {
    tag.split_once(",URI=\"")?.1.split('"').next()
}

/// The lines of `text` in order.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(|line| {
        if let Some(info) = line.strip_prefix("#EXTINF:") {
            let seconds = info.split(',').next().and_then(|seconds| seconds.parse().ok());
            Line::Duration(seconds.unwrap_or_default(), line)
        } else if line.starts_with('#') {
            Line::Tag(line)
        } else {
            Line::Uri(line)
        }
    })
}
