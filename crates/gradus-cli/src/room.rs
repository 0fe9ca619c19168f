//! How much memory there is room for, where the system says so.

use std::fs::read_to_string;

/// Bytes that may still be taken: what the machine has left, and what this process is allowed. `None` where nothing is said, as on
/// systems other than Linux.
pub fn bytes() -> Option<u64> {
    let free = kilobytes("/proc/meminfo", "MemAvailable:").map(|n| n * 1024);
    let allowed = allowance().map(|all| {
        let taken = kilobytes("/proc/self/status", "VmSize:").unwrap_or(0) * 1024;
        all.saturating_sub(taken)
    });
    let number = |file: &str| read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .map(|most| most.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    [free, allowed, group].into_iter().flatten().min()
}

/// The number behind a name in a file of lines such as `MemAvailable:   1024 kB`.
fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What `ulimit -v` says.
fn allowance() -> Option<u64> {
    let text = read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    /// Whatever it is, it is some memory, and no more than a computer has.
    #[test]
    fn there_is_room() {
        if cfg!(target_os = "linux") {
            let bytes = super::bytes().unwrap();
            assert!((1 << 20..1 << 50).contains(&bytes), "{bytes}");
        }
    }
}
