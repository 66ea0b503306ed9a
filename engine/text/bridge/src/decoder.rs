// What each token contributes to a text, for those decoders where that is a table.
use std::sync::LazyLock;

use tokenizers::decoders::sequence::Sequence;
use tokenizers::{Decoder, DecoderWrapper};

use crate::boundary::Outcome;

/// How the bytes of tokens become text. The numbers stand in bridge.h.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// All bytes joined; broken UTF-8 becomes U+FFFD.
    ByteLevel = 0,
    /// Token texts joined; runs of byte tokens are UTF-8, or one U+FFFD for each byte.
    ByteFallback = 1,
    /// As `ByteFallback`, and the very first token loses its leading-space marks.
    FirstToken = 2,
    /// Something else: only the library can decode it.
    Other = 3,
}

/// A decoder taken to pieces.
pub struct Plan<'a> {
    pub kind: Kind,
    /// A leading character that is dropped from the whole text, and how often.
    pub strip: (char, usize),
    replaces: Vec<&'a DecoderWrapper>,
    has_byte_tokens: bool,
}

impl<'a> Plan<'a> {
    pub fn of(decoder: Option<&'a DecoderWrapper>) -> Self {
        let mut plan = Plan {
            kind: Kind::Other,
            strip: ('\0', 0),
            replaces: Vec::new(),
            has_byte_tokens: false,
        };
        match decoder {
            Some(DecoderWrapper::ByteLevel(_)) => plan.kind = Kind::ByteLevel,
            Some(metaspace @ DecoderWrapper::Metaspace(_)) => {
                plan.kind = Kind::FirstToken;
                plan.replaces.push(metaspace);
            }
            Some(DecoderWrapper::Sequence(sequence)) => plan.read_sequence(sequence),
            _ => {}
        }
        plan
    }

    /// Understands `Replace* ByteFallback? Fuse? Strip?` in this order, the strip at the start only.
    fn read_sequence(&mut self, sequence: &'a Sequence) {
        let mut steps = sequence.get_decoders().iter().peekable();
        if let [DecoderWrapper::ByteLevel(_)] = sequence.get_decoders() {
            self.kind = Kind::ByteLevel;
            return;
        }
        while let Some(step) = steps.next_if(|step| matches!(step, DecoderWrapper::Replace(_))) {
            self.replaces.push(step);
        }
        self.has_byte_tokens =
            steps.next_if(|step| matches!(step, DecoderWrapper::ByteFallback(_))).is_some();
        let fused = steps.next_if(|step| matches!(step, DecoderWrapper::Fuse(_))).is_some();
        if fused {
            if let Some(DecoderWrapper::Strip(strip)) = steps
                .next_if(|step| matches!(step, DecoderWrapper::Strip(strip) if strip.stop == 0))
            {
                self.strip = (strip.content, strip.start);
            }
        }
        if steps.next().is_none() {
            self.kind = Kind::ByteFallback;
        }
    }

    /// The bytes of a token that is not the first, and whether it is a byte token.
    pub fn bytes_of(&self, token: &str) -> Outcome<(Vec<u8>, bool)> {
        if self.kind == Kind::ByteLevel {
            return Ok((byte_level(token), false));
        }
        let mut texts = vec![token.to_owned()];
        for replace in &self.replaces {
            // A Metaspace decoder treats the first token apart, so the token goes second.
            texts.insert(0, String::new());
            texts = replace.decode_chain(texts)?;
            texts.remove(0);
        }
        let text = texts.concat();
        if self.has_byte_tokens {
            if let Some(byte) = byte_token(&text) {
                return Ok((vec![byte], true));
            }
        }
        Ok((text.into_bytes(), false))
    }

    /// The bytes of a token that stands first.
    pub fn first_bytes_of(&self, token: &str) -> Outcome<Vec<u8>> {
        let mut texts = vec![token.to_owned()];
        for replace in &self.replaces {
            texts = replace.decode_chain(texts)?;
        }
        Ok(texts.concat().into_bytes())
    }
}

fn byte_token(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() != 2 {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// GPT-2's alphabet backwards; a token with a character outside of it stands for itself.
fn byte_level(token: &str) -> Vec<u8> {
    token
        .chars()
        .map(byte_of_char)
        .collect::<Option<Vec<u8>>>()
        .unwrap_or_else(|| token.as_bytes().to_vec())
}

fn is_printable(code: u32) -> bool {
    matches!(code, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}

/// Printable Latin-1 stands for itself; the other 68 bytes follow from U+0100 in order.
fn byte_of_char(c: char) -> Option<u8> {
    static SHIFTED: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..=255u8).filter(|byte| !is_printable(u32::from(*byte))).collect());
    let code = u32::from(c);
    if is_printable(code) {
        return u8::try_from(code).ok();
    }
    SHIFTED.get(code.checked_sub(0x100)? as usize).copied()
}
