//! Reads a message from its beginning, and never beyond its end.

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The whole message: compressed names point back into it.
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The beginning of a message.
    pub const fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Where it stands.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Another place of the same message.
    pub const fn moved_to(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// The same place of a message that ends so many bytes behind it.
    pub fn limited(self, length: usize) -> Option<Self> {
        Some(Self { message: self.message.get(..self.at.checked_add(length)?)?, ..self })
    }

    /// The next bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.message.get(self.at..).unwrap_or_default();
        self.at = self.message.len();
        rest
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next two, in network order.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four, in network order.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// So many as the array has.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }
}
