//! Libraries of drivers, which are loaded at run time. A backend panics without them, and its message
//! leaves out the loader's own words.

use std::error::Error as _;

use libloading::Library;

/// Names of the CUDA driver's library.
pub const CUDA: &[&str] =
    if cfg!(windows) { &["nvcuda.dll"] } else { &["libcuda.so.1", "libcuda.so"] };
/// Names of the library of NVRTC, which compiles CUDA kernels.
pub const NVRTC: &[&str] = if cfg!(windows) {
    &["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc.dll"]
} else {
    &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]
};
/// Names of Vulkan's loader.
pub const VULKAN: &[&str] = if cfg!(windows) {
    &["vulkan-1.dll"]
} else if cfg!(target_vendor = "apple") {
    &["libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"]
} else {
    &["libvulkan.so.1", "libvulkan.so"]
};

/// Loads the first of some libraries that is there.
///
/// # Errors
/// What the loader says of each name.
pub fn load(names: &[&str]) -> Result<(), String> {
    let mut problems = Vec::new();
    for &name in names {
        // SAFETY: the library is a driver's, which the backend loads right behind this call.
        match unsafe { Library::new(name) } {
            Ok(_) => return Ok(()),
            // The error is "dlopen failed", and its source has the loader's words.
            Err(error) => {
                problems.push(error.source().map_or_else(|| error.to_string(), |e| e.to_string()));
            }
        }
    }
    Err(problems.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_in_the_words_of_the_loader() {
        let names = ["libno-driver-a.so", "libno-driver-b.so"];
        let said = load(&names).unwrap_err();
        assert!(names.iter().all(|name| said.contains(name)), "{said}");
        if cfg!(target_os = "linux") {
            assert!(said.contains("cannot open shared object file"), "{said}");
            load(&["libno-driver-a.so", "libc.so.6"]).unwrap();
        }
    }
}
