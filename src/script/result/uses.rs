//! What the machine or some processes used during a load: one field a quantity.

use rhai::plugin::*;

use super::resource::Uses;
use crate::script::ScriptResult;

/// Means over the measured window. MB are 10^6 bytes.
#[export_module]
pub mod face {
    /// The share of the allowed cores that was busy, 0 to 1: of the machine without waiting for disks (`iowait`) and for the hypervisor
    /// (`steal`), of processes what they used.
    ///
    /// ```rhai
    /// fn has_headroom(result) { result.resource.machine.cpu_util < 0.8 }
    /// ```
    #[rhai_fn(get = "cpu_util", return_raw, pure)]
    pub fn cpu_util(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "cpu_util", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that programs ran, 0 to 1.
    ///
    /// ```rhai
    /// fn kernel_or_program(result) { result.resource.service.user / result.resource.service.cpu_util }
    /// ```
    #[rhai_fn(get = "user", return_raw, pure)]
    pub fn user(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "user", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that the kernel ran for programs, 0 to 1.
    ///
    /// ```rhai
    /// fn mostly_kernel(result) { result.resource.service.system > result.resource.service.user }
    /// ```
    #[rhai_fn(get = "system", return_raw, pure)]
    pub fn system(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "system", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that they had nothing to do while a disk was awaited, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn disk_bound(result) { result.resource.machine.iowait > 0.2 }
    /// ```
    #[rhai_fn(get = "iowait", return_raw, pure)]
    pub fn iowait(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "iowait", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that interrupts took, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn interrupts(result) { result.resource.machine.irq }
    /// ```
    #[rhai_fn(get = "irq", return_raw, pure)]
    pub fn irq(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "irq", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that the hypervisor gave to others, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn alone(result) { result.resource.machine.steal < 0.01 }
    /// ```
    #[rhai_fn(get = "steal", return_raw, pure)]
    pub fn steal(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "steal", |spread| spread.avg)
    }

    /// The share of the time of the allowed cores that nothing was to do, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn unused(result) { result.resource.machine.idle }
    /// ```
    #[rhai_fn(get = "idle", return_raw, pure)]
    pub fn idle(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "idle", |spread| spread.avg)
    }

    /// Context switches a second, of all cores. Of the machine.
    ///
    /// ```rhai
    /// fn switches_per_call(result) { result.resource.machine.context_switches_per_second / result.throughput }
    /// ```
    #[rhai_fn(get = "context_switches_per_second", return_raw, pure)]
    pub fn context_switches_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "context_switches_per_second", |spread| spread.avg)
    }

    /// Memory in use, without what the kernel can give back at once, in MB. Of the machine.
    ///
    /// ```rhai
    /// fn used_mb(result) { result.resource.machine.ram_used_mb }
    /// ```
    #[rhai_fn(get = "ram_used_mb", return_raw, pure)]
    pub fn ram_used_mb(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "ram_used_mb", |spread| spread.avg)
    }

    /// Memory that programs could still have, in MB. Of the machine.
    ///
    /// ```rhai
    /// fn memory_left(result) { result.resource.machine.ram_available_mb > 500.0 }
    /// ```
    #[rhai_fn(get = "ram_available_mb", return_raw, pure)]
    pub fn ram_available_mb(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "ram_available_mb", |spread| spread.avg)
    }

    /// MB a second read from all disks. Of the machine.
    ///
    /// ```rhai
    /// fn missed_the_cache(result) { result.resource.machine.disk_read_mb_per_second > 1.0 }
    /// ```
    #[rhai_fn(get = "disk_read_mb_per_second", return_raw, pure)]
    pub fn disk_read_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "disk_read_mb_per_second", |spread| spread.avg)
    }

    /// MB a second written to all disks. Of the machine.
    ///
    /// ```rhai
    /// fn written(result) { result.resource.machine.disk_write_mb_per_second }
    /// ```
    #[rhai_fn(get = "disk_write_mb_per_second", return_raw, pure)]
    pub fn disk_write_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "disk_write_mb_per_second", |spread| spread.avg)
    }

    /// Reads a second from all disks. Of the machine.
    ///
    /// ```rhai
    /// fn reads(result) { result.resource.machine.disk_read_iops }
    /// ```
    #[rhai_fn(get = "disk_read_iops", return_raw, pure)]
    pub fn disk_read_iops(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "disk_read_iops", |spread| spread.avg)
    }

    /// Writes a second to all disks. Of the machine.
    ///
    /// ```rhai
    /// fn writes_per_call(result) { result.resource.machine.disk_write_iops / result.throughput }
    /// ```
    #[rhai_fn(get = "disk_write_iops", return_raw, pure)]
    pub fn disk_write_iops(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "disk_write_iops", |spread| spread.avg)
    }

    /// The share of the time that the busiest disk had something under way, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn disk_is_busy(result) { result.resource.machine.disk_util > 0.9 }
    /// ```
    #[rhai_fn(get = "disk_util", return_raw, pure)]
    pub fn disk_util(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "disk_util", |spread| spread.avg)
    }

    /// MB a second received over the network, without the loopback. Of the machine.
    ///
    /// ```rhai
    /// fn received(result) { result.resource.machine.net_rx_mb_per_second }
    /// ```
    #[rhai_fn(get = "net_rx_mb_per_second", return_raw, pure)]
    pub fn net_rx_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "net_rx_mb_per_second", |spread| spread.avg)
    }

    /// MB a second sent over the network, without the loopback. Of the machine.
    ///
    /// ```rhai
    /// fn line_is_full(result) { result.resource.machine.net_tx_mb_per_second > 115.0 }
    /// ```
    #[rhai_fn(get = "net_tx_mb_per_second", return_raw, pure)]
    pub fn net_tx_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "net_tx_mb_per_second", |spread| spread.avg)
    }

    /// MB a second between programs of this machine. Of the machine.
    ///
    /// ```rhai
    /// fn between(result) { result.resource.machine.loopback_mb_per_second }
    /// ```
    #[rhai_fn(get = "loopback_mb_per_second", return_raw, pure)]
    pub fn loopback_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "loopback_mb_per_second", |spread| spread.avg)
    }

    /// The share of the time that some task waited for a core, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn crowded(result) { result.resource.machine.pressure_cpu > 0.5 }
    /// ```
    #[rhai_fn(get = "pressure_cpu", return_raw, pure)]
    pub fn pressure_cpu(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "pressure_cpu", |spread| spread.avg)
    }

    /// The share of the time that some task waited for memory, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn thrashing(result) { result.resource.machine.pressure_memory > 0.1 }
    /// ```
    #[rhai_fn(get = "pressure_memory", return_raw, pure)]
    pub fn pressure_memory(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "pressure_memory", |spread| spread.avg)
    }

    /// The share of the time that all tasks waited for memory, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn stalled(result) { result.resource.machine.pressure_memory_full > 0.0 }
    /// ```
    #[rhai_fn(get = "pressure_memory_full", return_raw, pure)]
    pub fn pressure_memory_full(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "pressure_memory_full", |spread| spread.avg)
    }

    /// The share of the time that some task waited for a disk, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn waits_for_disks(result) { result.resource.machine.pressure_io > 0.2 }
    /// ```
    #[rhai_fn(get = "pressure_io", return_raw, pure)]
    pub fn pressure_io(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "pressure_io", |spread| spread.avg)
    }

    /// The share of the time that all tasks waited for a disk, 0 to 1. Of the machine.
    ///
    /// ```rhai
    /// fn stands_still(result) { result.resource.machine.pressure_io_full > 0.2 }
    /// ```
    #[rhai_fn(get = "pressure_io_full", return_raw, pure)]
    pub fn pressure_io_full(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "pressure_io_full", |spread| spread.avg)
    }

    /// Resident memory in MB; a page that several processes share counts for each of them. Of processes.
    ///
    /// ```rhai
    /// fn memory_mb(result) { result.resource.service.max("rss_mb") }
    /// ```
    #[rhai_fn(get = "rss_mb", return_raw, pure)]
    pub fn rss_mb(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "rss_mb", |spread| spread.avg)
    }

    /// Resident memory of one's own in MB, without files and shared memory. Of processes.
    ///
    /// ```rhai
    /// fn leaks(before, after) { after.resource.service.rss_anon_mb > 2.0 * before.resource.service.rss_anon_mb }
    /// ```
    #[rhai_fn(get = "rss_anon_mb", return_raw, pure)]
    pub fn rss_anon_mb(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "rss_anon_mb", |spread| spread.avg)
    }

    /// MB a second that were fetched from storage. Of processes.
    ///
    /// ```rhai
    /// fn reads_disk(result) { result.resource.service.read_mb_per_second > 1.0 }
    /// ```
    #[rhai_fn(get = "read_mb_per_second", return_raw, pure)]
    pub fn read_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "read_mb_per_second", |spread| spread.avg)
    }

    /// MB a second that were sent to storage. Of processes.
    ///
    /// ```rhai
    /// fn bytes_per_call(result) { result.resource.service.write_mb_per_second * 1e6 / result.throughput }
    /// ```
    #[rhai_fn(get = "write_mb_per_second", return_raw, pure)]
    pub fn write_mb_per_second(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "write_mb_per_second", |spread| spread.avg)
    }

    /// How many there were. Of processes.
    ///
    /// ```rhai
    /// fn workers(result) { result.resource.service.processes }
    /// ```
    #[rhai_fn(get = "processes", return_raw, pure)]
    pub fn processes(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "processes", |spread| spread.avg)
    }

    /// How many threads they had. Of processes.
    ///
    /// ```rhai
    /// fn threads(result) { result.resource.service.threads }
    /// ```
    #[rhai_fn(get = "threads", return_raw, pure)]
    pub fn threads(ctx: NativeCallContext, used: &mut Uses) -> ScriptResult<f64> {
        used.figure(&ctx, "threads", |spread| spread.avg)
    }

    /// The highest second of a quantity in the measured window, by its name.
    ///
    /// ```rhai
    /// fn peak_mb(result) { result.resource.service.max("rss_mb") }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn max(ctx: NativeCallContext, used: &mut Uses, quantity: &str) -> ScriptResult<f64> {
        used.figure(&ctx, quantity, |spread| spread.max)
    }

    /// The lowest second of a quantity in the measured window, by its name.
    ///
    /// ```rhai
    /// fn least_free_mb(result) { result.resource.machine.min("ram_available_mb") }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn min(ctx: NativeCallContext, used: &mut Uses, quantity: &str) -> ScriptResult<f64> {
        used.figure(&ctx, quantity, |spread| spread.min)
    }

    /// What 95 % of the seconds in the measured window did not exceed, by the name of the quantity.
    ///
    /// ```rhai
    /// fn busy(result) { result.resource.service.p95("cpu_util") > 0.9 }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn p95(ctx: NativeCallContext, used: &mut Uses, quantity: &str) -> ScriptResult<f64> {
        used.figure(&ctx, quantity, |spread| spread.p95)
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn uses_to_string(used: &mut Uses) -> String {
        used.shown()
    }
}
