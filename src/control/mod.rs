//! Talking to porterctl.
