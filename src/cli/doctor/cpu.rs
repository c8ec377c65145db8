//! Cores: how many, how fast they may run, who else uses them, what they are.

use std::path::Path;

use super::{Finding, kernel_file};
use crate::load::cores_allowed;
use crate::results::facts;

pub fn look() -> Vec<Finding> {
    vec![cores(), other_load(), governor(), clock_source(), machine()]
}

fn cores() -> Finding {
    let allowed = cores_allowed();
    let present = facts::host().cores;
    let quota = quota();
    let found = match quota {
        Some(quota) => format!("{allowed} of {present} allowed, time of {quota:.1}"),
        None => format!("{allowed} of {present} allowed"),
    };
    if let Some(quota) = quota.filter(|quota| *quota < allowed as f64) {
        return Finding::warn(
            "cores",
            found,
            format!(
                "the control group stops this process for parts of each 100 ms, which shows as latency; ask for whole \
                 cores (`docker run --cpuset-cpus=0-{0}` instead of `--cpus {quota:.1}`, `srun --cpus-per-task={1}`)",
                quota.floor().max(1.0) as usize - 1,
                quota.ceil() as usize,
            ),
        );
    }
    if allowed < 2 {
        return Finding::warn(
            "cores",
            found,
            "generator and service share one core; ask for more: `srun --cpus-per-task=4 --pty bash`, or \
             `taskset -c 0-3 benchscript run FILE` where they are there",
        );
    }
    Finding::ok("cores", found)
}

/// Cores' worth of time that the control group allows, if it limits it.
fn quota() -> Option<f64> {
    let groups = kernel_file("/proc/self/cgroup")?;
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            if controllers.is_empty() {
                // Version 2: any group above may be the one that limits.
                let mut groups = Path::new(path.trim_start_matches('/')).ancestors();
                return groups.find_map(|group| {
                    let text = kernel_file(&format!("/sys/fs/cgroup/{}/cpu.max", group.display()))?;
                    let (quota, period) = text.split_once(' ')?;
                    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
                });
            }
            controllers.split(',').any(|controller| controller == "cpu").then_some(())?;
            let value = |name: &str| {
                let in_group = kernel_file(&format!("/sys/fs/cgroup/cpu{path}/{name}"));
                in_group.or_else(|| kernel_file(&format!("/sys/fs/cgroup/cpu/{name}")))?.parse::<f64>().ok()
            };
            Some(value("cpu.cfs_quota_us").filter(|quota| *quota > 0.0)? / value("cpu.cfs_period_us")?)
        })
        .reduce(f64::min)
}

/// What others run, on average over the last minute.
fn other_load() -> Finding {
    let text = kernel_file("/proc/loadavg").unwrap_or_default();
    let fields: Vec<&str> = text.split_whitespace().collect();
    let average: f64 = fields.first().and_then(|field| field.parse().ok()).unwrap_or(0.0);
    let cores = facts::host().cores as f64;
    let found = format!("load average {average:.1} on {cores} cores");
    if average > 0.5 * cores {
        return Finding::warn(
            "other load",
            found,
            "others use these cores: numbers will be worse and vary; see who (`top`), wait, or ask for a node of your \
             own (`srun --exclusive --pty bash`)",
        );
    }
    Finding::ok("other load", found)
}

fn governor() -> Finding {
    match kernel_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        None => Finding::ok("CPU governor", "not set here (the hypervisor or firmware decides)"),
        Some(governor) if governor == "performance" => Finding::ok("CPU governor", governor),
        Some(governor) => Finding::warn(
            "CPU governor",
            governor,
            "the clock follows the load, so a quiet service looks slower than it is; fix it: `sudo cpupower \
             frequency-set -g performance`",
        ),
    }
}

fn clock_source() -> Finding {
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let Some(source) = kernel_file(&format!("{folder}/current_clocksource")) else {
        return Finding::ok("clock source", "not told");
    };
    // These are read without a system call.
    if ["tsc", "kvm-clock", "arch_sys_counter"].contains(&source.as_str()) {
        return Finding::ok("clock source", source);
    }
    let there = kernel_file(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let what_to_do = if there.split_whitespace().any(|known| known == "tsc") {
        format!(
            "reading it takes a system call each time; change it: `echo tsc | sudo tee {folder}/current_clocksource`"
        )
    } else {
        "reading it takes a system call each time, and the kernel trusts no better one here (see why: `sudo dmesg | grep \
         -i tsc`); use another machine for rates over some 10,000 calls a second"
            .to_owned()
    };
    Finding::warn("clock source", source, what_to_do)
}

/// Containers and virtual machines are fine to work in, but a reader must know.
fn machine() -> Finding {
    let virtual_machine = kernel_file("/proc/cpuinfo").is_some_and(|text| {
        text.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"))
    });
    let container = Path::new("/.dockerenv").exists()
        || Path::new("/run/.containerenv").exists()
        || ["APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "container"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
    let found = match (virtual_machine, container) {
        (false, false) => "bare metal",
        (true, false) => "virtual machine",
        (false, true) => "container",
        (true, true) => "container in a virtual machine",
    };
    let stolen = stolen_share();
    match stolen.filter(|share| *share > 0.02) {
        Some(share) => Finding::warn(
            "machine",
            format!("{found}, {:.0} % of the time stolen", share * 100.0),
            "the host gives this machine's cores to others; watch column `st` of `vmstat 1`, and measure when it is near 0",
        ),
        None => Finding::ok("machine", found),
    }
}

/// Share of the time since boot that the hypervisor gave to others.
fn stolen_share() -> Option<f64> {
    let text = kernel_file("/proc/stat")?;
    let times: Vec<f64> =
        text.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let all: f64 = times.iter().take(8).sum();
    Some(times.get(7)? / all.max(1.0))
}
