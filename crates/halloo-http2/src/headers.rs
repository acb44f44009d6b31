//! Header lists as they are sent and received (placeholder while HPACK is being built).
