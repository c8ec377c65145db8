//! Messages of the protocol (version 3.0) as a client writes them.

/// Writes one message: its kind, its length, what `body` writes.
pub fn message(kind: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    counted(out, body);
}

/// Writes a length that counts itself, and what `body` writes.
pub fn counted(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Text with the zero that ends it.
pub fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// Text as one message, run by the simple protocol.
pub fn query(sql: &str, out: &mut Vec<u8>) {
    message(b'Q', out, |out| text(sql, out));
}

/// Says farewell, so that the server counts no session as lost.
pub const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];
/// Ends a row of messages; the server answers that it is ready.
pub const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];
/// The end of the rows of a COPY.
pub const COPY_DONE: [u8; 5] = [b'c', 0, 0, 0, 4];
/// Asks for encryption, before anything else.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Asks for the columns of the unnamed portal.
pub const DESCRIBE: [u8; 7] = [b'D', 0, 0, 0, 6, b'P', 0];
/// Runs the unnamed portal to its end.
pub const EXECUTE: [u8; 10] = [b'E', 0, 0, 0, 9, 0, 0, 0, 0, 0];
