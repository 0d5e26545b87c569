//! What the typesetter may see: a template, the files handed to it, our fonts,
//! and nothing else: no disk, no network, no clock.

use std::collections::HashMap;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;

use crate::error::ReportError;
use crate::fonts::FONTS;

pub(crate) struct PageWorld {
    library: LazyHash<Library>,
    main: Source,
    files: HashMap<FileId, Bytes>,
}

impl PageWorld {
    /// `files` by name, as the template includes them.
    pub(crate) fn new(template: &str, files: Vec<(&str, Bytes)>) -> Option<Self> {
        let main = Source::new(file_id("main.typ")?, template.to_owned());
        let files = files
            .into_iter()
            .map(|(name, bytes)| Some((file_id(name)?, bytes)))
            .collect::<Option<_>>()?;
        Some(Self { library: LazyHash::new(Library::default()), main, files })
    }

    /// Lays the template out.
    pub(crate) fn typeset(self, document: &'static str) -> Result<PagedDocument, ReportError> {
        let compiled = typst::compile::<PagedDocument>(&self);
        // Layouts are remembered between calls; a server would keep them all.
        typst::comemo::evict(8);
        compiled.output.map_err(|errors| ReportError::Typesetting {
            document,
            reason: join(errors.iter().map(|error| error.message.as_str())),
        })
    }
}

/// The messages of a failure, in one line.
pub(crate) fn join<'a>(messages: impl Iterator<Item = &'a str>) -> String {
    messages.collect::<Vec<_>>().join("; ")
}

fn file_id(name: &str) -> Option<FileId> {
    Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(name).ok()?).intern())
}

impl World for PageWorld {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(missing(id)) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(id.get().vpath().get_without_slash().into())
}
