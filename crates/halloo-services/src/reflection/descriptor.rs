//! Reads the few fields of descriptors that the index needs, straight from their bytes.
//!
//! A reader for all of `descriptor.proto` would be a crate more in every user's build, and the bytes go to the client
//! as they are anyway. The field numbers are those of `google/protobuf/descriptor.proto`.

/// Why bytes are no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The files of an encoded `FileDescriptorSet`.
pub(crate) fn files(set: &'static [u8]) -> Result<Vec<FileDescriptor>, Malformed> {
    Message(set).messages(1).into_iter().flatten().map(|file| FileDescriptor::read(file.0)).collect()
}

/// What the index needs to know of a file.
#[derive(Debug)]
pub(crate) struct FileDescriptor {
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
    pub(crate) imports: Vec<&'static str>,
    /// The full names of everything that it declares.
    pub(crate) symbols: Vec<String>,
    /// Its extensions: the extended message's full name, and the number.
    pub(crate) extensions: Vec<(&'static str, i32)>,
}

impl FileDescriptor {
    fn read(bytes: &'static [u8]) -> Result<Self, Malformed> {
        let message = Message(bytes);
        let mut file = Self {
            name: message.text(1)?,
            bytes,
            imports: message.texts(3)?,
            symbols: Vec::new(),
            extensions: Vec::new(),
        };
        let package = message.text(2)?;
        for nested in message.messages(4)? {
            file.read_message(package, nested, MAX_DEPTH)?;
        }
        for nested in message.messages(5)? {
            file.read_enum(package, nested)?;
        }
        for service in message.messages(6)? {
            let name = file.declare(package, service)?;
            file.declare_all(&name, service.messages(2)?)?;
        }
        file.read_extensions(package, message.messages(7)?)?;
        Ok(file)
    }

    fn read_message(&mut self, scope: &str, message: Message, depth: usize) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        let name = self.declare(scope, message)?;
        self.declare_all(&name, message.messages(2)?)?;
        self.declare_all(&name, message.messages(8)?)?;
        for nested in message.messages(3)? {
            self.read_message(&name, nested, depth)?;
        }
        for nested in message.messages(4)? {
            self.read_enum(&name, nested)?;
        }
        self.read_extensions(&name, message.messages(6)?)
    }

    /// The values of an enum stand beside it, not within it, as in C++.
    fn read_enum(&mut self, scope: &str, message: Message) -> Result<(), Malformed> {
        self.declare(scope, message)?;
        self.declare_all(scope, message.messages(2)?)
    }

    fn read_extensions(&mut self, scope: &str, extensions: Vec<Message>) -> Result<(), Malformed> {
        for extension in extensions {
            self.declare(scope, extension)?;
            // Compilers write full names with a leading dot.
            let extended = extension.text(2)?.trim_start_matches('.');
            self.extensions.push((extended, extension.number(3)?));
        }
        Ok(())
    }

    fn declare_all(&mut self, scope: &str, messages: Vec<Message>) -> Result<(), Malformed> {
        messages.into_iter().try_for_each(|message| self.declare(scope, message).map(drop))
    }

    /// Every kind of descriptor has its name in field 1.
    fn declare(&mut self, scope: &str, message: Message) -> Result<String, Malformed> {
        let name = message.text(1)?;
        let name = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
        self.symbols.push(name.clone());
        Ok(name)
    }
}

/// Messages within messages; protobuf's own compilers stop at 32.
const MAX_DEPTH: usize = 100;

/// An encoded message.
#[derive(Clone, Copy, Debug)]
struct Message(&'static [u8]);

impl Message {
    /// The last value of a text field, or none.
    fn text(self, field: u64) -> Result<&'static str, Malformed> {
        Ok(self.texts(field)?.pop().unwrap_or_default())
    }

    fn texts(self, field: u64) -> Result<Vec<&'static str>, Malformed> {
        let texts = self.messages(field)?.into_iter();
        texts.map(|Message(bytes)| std::str::from_utf8(bytes).map_err(|_| Malformed)).collect()
    }

    fn messages(self, field: u64) -> Result<Vec<Message>, Malformed> {
        let mut found = Vec::new();
        self.visit(|number, value| {
            if let (true, Value::Bytes(bytes)) = (number == field, value) {
                found.push(Message(bytes));
            }
        })?;
        Ok(found)
    }

    fn number(self, field: u64) -> Result<i32, Malformed> {
        let mut found = 0;
        self.visit(|number, value| {
            if let (true, Value::Number(value)) = (number == field, value) {
                found = value;
            }
        })?;
        i32::try_from(found).map_err(|_| Malformed)
    }

    fn visit(self, mut each: impl FnMut(u64, Value)) -> Result<(), Malformed> {
        let mut rest = self.0;
        while !rest.is_empty() {
            let tag = take_varint(&mut rest)?;
            let value = match tag & 7 {
                0 => Value::Number(take_varint(&mut rest)?),
                1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
                2 => {
                    let length = usize::try_from(take_varint(&mut rest)?).map_err(|_| Malformed)?;
                    Value::Bytes(take(&mut rest, length)?)
                }
                5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
                // Descriptors have no groups.
                _ => return Err(Malformed),
            };
            each(tag >> 3, value);
        }
        Ok(())
    }
}

enum Value {
    Number(u64),
    Bytes(&'static [u8]),
    Fixed,
}

fn take(rest: &mut &'static [u8], length: usize) -> Result<&'static [u8], Malformed> {
    let (head, tail) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = tail;
    Ok(head)
}

fn take_varint(rest: &mut &'static [u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed)
}
