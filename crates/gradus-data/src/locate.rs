//! Where a named data set may lie on this machine.

use std::path::{Path, PathBuf};

use crate::named::NamedSet;

/// The folders to search, in this order: an explicit one alone, else `$GRADUS_DATA/NAME`, the user's cache folder,
/// and the folders in which system packages put the set.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The folder the user named; then no other is searched.
    pub explicit: Option<PathBuf>,
    /// The value of `$GRADUS_DATA`.
    pub gradus_data: Option<PathBuf>,
    /// The cache folder.
    pub cache: Option<PathBuf>,
}

impl Places {
    /// As the environment says.
    pub fn from_environment(explicit: Option<&Path>) -> Places {
        Places {
            explicit: explicit.map(Path::to_owned),
            gradus_data: variable("GRADUS_DATA"),
            cache: cache_folder(),
        }
    }

    /// The folders in which `set` may lie, most wanted first.
    pub fn candidates(&self, set: &NamedSet) -> Vec<PathBuf> {
        if let Some(folder) = &self.explicit {
            return vec![folder.clone()];
        }
        let own = [&self.gradus_data, &self.cache].into_iter().flatten();
        own.map(|folder| folder.join(set.name))
            .chain(set.system_folders.iter().map(PathBuf::from))
            .collect()
    }

    /// The folder into which `set` is downloaded.
    pub fn download_folder(&self, set: &NamedSet) -> Option<PathBuf> {
        let root = self.gradus_data.as_ref().or(self.cache.as_ref());
        self.explicit.clone().or_else(|| Some(root?.join(set.name)))
    }
}

/// The user's cache folder for data, by the custom of the system; `None` if there is no home.
pub fn cache_folder() -> Option<PathBuf> {
    let home = || variable("HOME");
    let root = if cfg!(windows) {
        variable("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        home()?.join("Library/Caches")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))?
    };
    Some(root.join("gradus"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
