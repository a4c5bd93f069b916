// Kernel settings of containers: capabilities, shared memory, tmpfs, devices, sysctls. Pure.
// Source: ECS reference, section 3.2 (linuxParameters, systemControls); ECS API reference, KernelCapabilities, Tmpfs and Device.
import type { Device, LinuxParameters, SystemControl } from '../generated/messages.ts';
import type { Checker } from './check.ts';

const CAPABILITIES: ReadonlySet<string> = new Set(
  (
    'ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH ' +
    'FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN ' +
    'NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT ' +
    'SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM'
  ).split(' '),
);

const MOUNT_OPTIONS: ReadonlySet<string> = new Set(
  (
    'defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime diratime ' +
    'nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime ' +
    'strictatime nostrictatime mode uid gid nr_inodes nr_blocks mpol'
  ).split(' '),
);

const MIB = { least: 1, most: 2_147_483_647 };
const NAMESPACED =
  /^(net\.[\w./-]+|fs\.mqueue\.[\w./-]+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced))$/;

export function checkLinuxParameters(check: Checker, of: LinuxParameters): void {
  for (const list of ['add', 'drop'] as const) {
    for (const [index, name] of (of.capabilities?.[list] ?? []).entries()) {
      if (!CAPABILITIES.has(name)) {
        check.expected(
          `linuxParameters.capabilities.${list}[${index}]`,
          name,
          'ALL or a Linux capability without CAP_, such as NET_ADMIN',
        );
      }
    }
  }
  check.integer('linuxParameters.sharedMemorySize', of.sharedMemorySize, MIB);
  for (const [index, mount] of of.tmpfs.entries()) {
    const field = `linuxParameters.tmpfs[${index}]`;
    check.text(`${field}.containerPath`, mount.containerPath, /^\//, 'an absolute path');
    check.integer(`${field}.size`, mount.size, MIB);
    for (const [at, option] of mount.mountOptions.entries()) {
      if (!MOUNT_OPTIONS.has(option.replace(/=.*$/, ''))) {
        check.expected(
          `${field}.mountOptions[${at}]`,
          option,
          'a tmpfs mount option, such as noexec or mode=1777',
        );
      }
    }
  }
  check.unique(
    'linuxParameters.tmpfs: containerPath',
    of.tmpfs.map((mount) => mount.containerPath),
  );
  checkDevices(check, of.devices);
}

function checkDevices(check: Checker, devices: readonly Device[]): void {
  for (const [index, { hostPath, containerPath, permissions }] of devices.entries()) {
    const field = `linuxParameters.devices[${index}]`;
    check.text(`${field}.hostPath`, hostPath, /^\//, 'an absolute path');
    check.text(`${field}.containerPath`, containerPath, /^\//, 'an absolute path');
    for (const [at, permission] of permissions.entries()) {
      check.word(`${field}.permissions[${at}]`, permission, ['read', 'write', 'mknod']);
    }
  }
  check.unique(
    'linuxParameters.devices: containerPath',
    devices.map(({ hostPath, containerPath }) => containerPath || hostPath),
  );
}

export function checkSystemControls(
  check: Checker,
  controls: readonly SystemControl[],
  networkMode: string | undefined,
): void {
  for (const [index, { namespace, value }] of controls.entries()) {
    const field = `systemControls[${index}]`;
    check.text(
      `${field}.namespace`,
      namespace,
      NAMESPACED,
      'net.*, fs.mqueue.* or one of the kernel.msg*, kernel.sem and kernel.shm* settings',
    );
    if (networkMode === 'host' && namespace.startsWith('net.')) {
      check.expected(
        `${field}.namespace`,
        namespace,
        'none of net.* with networkMode host, where it would change the host',
      );
    }
    check.text(`${field}.value`, value, /^[^\0]+$/, 'a value');
  }
  check.unique(
    'systemControls: namespace',
    controls.map((control) => control.namespace),
  );
}
