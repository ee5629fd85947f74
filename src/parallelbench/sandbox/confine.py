"""Confines the process that it runs in, and what it starts. Standard library only.

On Linux, where the system allows it, the process gets namespaces of its own: no network, no other processes to see or to
signal, and a file system that holds Python's library, read-only, and an empty folder of 16 MiB. Everywhere it gets limits of
time, memory, file size, open files and processes, and as the superuser another user's rights. `namespaces` says what was had.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

NEW_MOUNTS, NEW_NAMES, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
PRIVATE, BIND, RECURSIVE = 1 << 18, 1 << 12, 1 << 14
NO_SUID, NO_DEVICES, DETACH = 2, 4, 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR, AT_RECURSIVE, AT_FDCWD = 442, 0x8000, -100
SET_DEATH_SIGNAL, SET_DUMPABLE, SET_NO_NEW_PRIVILEGES = 1, 4, 38
CAPABILITIES_3 = 0x20080522
LOWEST_USER = 60_000
FOLDER_SIZE = "16m"


def enter_namespaces(root: str) -> bool:
    """Leave the system's namespaces and files, `root` being an empty folder; return whether that was possible.

    What is left half done where it fails only confines more.
    """
    if sys.platform != "linux" or os.uname().machine not in PIVOT_ROOT:
        return False
    user, group, superuser = os.geteuid(), os.getegid(), os.geteuid() == 0
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
    flags = NEW_MOUNTS | NEW_NAMES | NEW_IPC | NEW_PIDS | NEW_NETWORK
    if libc.unshare(flags if superuser else flags | NEW_USER):
        return False
    try:
        if not superuser:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _change_root(libc, root)
    except OSError:
        return False
    return True


def _change_root(libc: Any, root: str) -> None:
    """Make `root`, with Python's library in it, the root of the file system."""
    _mount(libc, None, "/", None, PRIVATE | RECURSIVE, None)
    _mount(libc, "tmpfs", root, "tmpfs", NO_SUID | NO_DEVICES, f"size={FOLDER_SIZE},mode=755")
    for path in _library():
        inside = Path(root + path)
        inside.mkdir(parents=True, exist_ok=True)
        _mount(libc, path, str(inside), None, BIND | RECURSIVE, None)
        read_only = (ctypes.c_uint64 * 4)(1 | NO_SUID | NO_DEVICES, 0, 0, 0)
        _checked(libc.syscall(MOUNT_SETATTR, AT_FDCWD, str(inside).encode(), AT_RECURSIVE, read_only, 32))
    Path(root, "work").mkdir(mode=0o777)
    Path(root, "work").chmod(0o777)
    Path(root, "old").mkdir()
    _checked(libc.syscall(PIVOT_ROOT[os.uname().machine], root.encode(), f"{root}/old".encode()))
    os.chdir("/")
    _checked(libc.umount2(b"/old", DETACH))
    Path("/old").rmdir()


def _library() -> list[str]:
    """The folders that Python and the shared libraries of its modules are in."""
    prefix = str(Path(sys.base_prefix).resolve())
    system = [path for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64") if Path(path).is_dir()]
    return [*system, *([] if prefix == "/usr" else [f"{prefix}/lib"])]


def _mount(libc: Any, *arguments: Any) -> None:
    _checked(libc.mount(*(one.encode() if isinstance(one, str) else one for one in arguments)))


def _checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def die_with_parent() -> None:
    """Let the system end this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def give_up_rights(number: int) -> None:
    """Give up every privilege, for good; as the superuser become the user `LOWEST_USER` + `number`, who owns nothing."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(LOWEST_USER + number, LOWEST_USER + number, LOWEST_USER + number)
        os.setresuid(LOWEST_USER + number, LOWEST_USER + number, LOWEST_USER + number)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.capset((ctypes.c_uint32 * 2)(CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)())
        libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        libc.prctl(SET_DUMPABLE, 0, 0, 0, 0)


def set_limits(seconds: int, memory: int, file_bytes: int, processes: int) -> None:
    """Limit processor time, address space, size of files, open files and processes of this process."""
    import resource

    limits = {
        "RLIMIT_CPU": seconds, "RLIMIT_AS": memory, "RLIMIT_FSIZE": file_bytes, "RLIMIT_NOFILE": 64, "RLIMIT_NPROC": processes,
        "RLIMIT_CORE": 0, "RLIMIT_STACK": 64 << 20, "RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0,
    }  # fmt: skip
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(ValueError, OSError):  # a system without this limit
                resource.setrlimit(kind, (value, value + (name == "RLIMIT_CPU")))


def wait_for(child: int) -> NoReturn:
    """Wait for a child and end as it ended: with its code, or with 128 and its signal."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
