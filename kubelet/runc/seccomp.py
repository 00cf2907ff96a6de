"""Which system calls a container may make: nothing said, everything (Unconfined); RuntimeDefault, what programs need and no
more; Localhost, a profile of the node's own."""
from __future__ import annotations

import json
import platform
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kubelet.containerconfig import LOCALHOST, RUNTIME_DEFAULT
from kubelet.cri import CriError

Document = dict[str, Any]
EPERM, ENOSYS = 1, 38
AF_VSOCK = 40
# CLONE_NEW*: namespaces, which only an administrator of the container may make.
NEW_NAMESPACES = 0x7E020000
PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)
ARCHITECTURES = {"x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"), "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")}
OF_MACHINE = {"x86_64": "arch_prctl modify_ldt", "aarch64": "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls"}
OF_CAPABILITY = {
    "DAC_READ_SEARCH": "open_by_handle_at",
    "SYS_ADMIN": "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree "
                 "perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
    "SYS_BOOT": "reboot", "SYS_CHROOT": "chroot", "SYS_MODULE": "delete_module init_module finit_module", "SYS_PACCT": "acct",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise", "SYS_RAWIO": "iopl ioperm", "SYS_TIME": "settimeofday stime clock_settime clock_settime64",
    "SYS_TTY_CONFIG": "vhangup", "SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node", "SYSLOG": "syslog",
    "BPF": "bpf", "PERFMON": "perf_event_open"}
ALLOWED = """
accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime clock_adjtime64
clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect
copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark
fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr
fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid
geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid
getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr
getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr
lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock
mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep
_newselect newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll
ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64
ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid
setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall
socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time
timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink
unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
"""


def profile(wanted: str, directory: Path, capabilities: Collection[str]) -> Document | None:
    """Of `wanted` (SecurityContext.seccomp): "" for none. `capabilities` are the container's, without their CAP_."""
    if wanted == RUNTIME_DEFAULT:
        return default_profile(platform.machine(), capabilities)
    if wanted.startswith(LOCALHOST):
        return _local(directory, wanted.removeprefix(LOCALHOST))
    return None


def default_profile(machine: str, capabilities: Collection[str]) -> Document:
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": EPERM, "architectures": list(ARCHITECTURES.get(machine, ())),
            "syscalls": list(_rules(machine, capabilities))}


def _rules(machine: str, capabilities: Collection[str]) -> Iterator[Document]:
    more = [OF_MACHINE.get(machine, ""), *(names for capability, names in OF_CAPABILITY.items() if capability in capabilities)]
    yield _allow([*ALLOWED.split(), *dict.fromkeys(" ".join(more).split())])
    yield _allow(["socket"], index=0, value=AF_VSOCK, op="SCMP_CMP_NE")
    for value in PERSONALITIES:
        yield _allow(["personality"], index=0, value=value, op="SCMP_CMP_EQ")
    if "SYS_ADMIN" not in capabilities:
        yield _allow(["clone"], index=0, value=NEW_NAMESPACES, valueTwo=0, op="SCMP_CMP_MASKED_EQ")
        # Its flags are out of a filter's sight; told that there is no such call, programs fall back to clone.
        yield {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}


def _allow(names: list[str], **argument: Any) -> Document:
    return {"names": names, "action": "SCMP_ACT_ALLOW", **({"args": [argument]} if argument else {})}


def _local(directory: Path, name: str) -> Document:
    path = directory / name
    try:
        if not path.resolve().is_relative_to(directory.resolve()):
            raise CriError("CreateContainerError", f"seccomp profile {name!r} is outside of {directory}")
        document = json.loads(path.read_bytes())
        known = ("defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls")
        return {key: document[key] for key in known if key in document}
    except OSError as error:
        raise CriError("CreateContainerError", f'cannot load seccomp profile "{path}": {(error.strerror or "").lower()}') from error
    except (ValueError, TypeError) as error:
        raise CriError("CreateContainerError", f'cannot load seccomp profile "{path}": {error}') from error
