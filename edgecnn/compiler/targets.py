# SPDX-License-Identifier: Apache-2.0
"""The targets of generated C: one row each, and nothing else to edit for a new one.

A target on a board that QEMU does not emulate yet needs a `Board` as well, which is what its row points at.
"""

from dataclasses import dataclass

from edgecnn.errors import EdgecnnError, did_you_mean

KIB = 1024
MIB = 1024 * KIB
STACK_BYTES = 4 * KIB  # of a part's RAM, for what a program needs beside the arena, rounded up


@dataclass(frozen=True)
class Region:
    """A stretch of a board's memory: first address and size in bytes."""

    origin: int
    size: int


@dataclass(frozen=True)
class Board:
    """A machine that QEMU emulates.

    Attributes:
        machine: QEMU's name for it.
        code: memory for vectors and instructions; holds the address the core starts from.
        const: memory for constants: the largest there is, as weights can be many megabytes.
        ram: memory for stack, data and bss.
        counter: address of COUNTER in the FPGAIO block of Arm's boards, a free-running 32-bit timer; None of
            a core that counts its instructions itself.
        instructions_per_tick: of that timer under `-icount shift=0`, where an instruction takes 1 ns.
        qemu: the program that emulates it.
        package: the Debian package that brings that.
        flags: further flags of it.
    """

    machine: str
    code: Region
    const: Region
    ram: Region
    counter: int | None = None
    instructions_per_tick: int = 1
    qemu: str = "qemu-system-arm"
    package: str = "qemu-system-arm"
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What generated C is compiled for, with what, and where it can be run.

    Attributes:
        name: as on the command line.
        isa: instruction set: its kernels are in `isa/ISA/`; `scalar` is any without SIMD.
        cc: compiler.
        packages: Debian packages that bring the compiler and its C library.
        cflags: flags that choose the core; no warnings and no optimization level.
        part: an affordable device of this kind, whose memory is the default of a budget; None where nobody
            counts it.
        flash, ram: bytes of that device.
        mhz: its fastest clock by the data sheet.
        board: the emulated board that runs this target's code.
        emulator: the program that runs this target's executables on a machine of another kind, and the Debian
            package that brings it.
        native: whether this machine's own compiler and core are meant.
        cycles: whether Arm's table of cycles is known for it (runtime/cortex_m4_cycles.py).
        pointer: bytes of one.
        features: what a native target's processor must have, as Linux calls it in /proc/cpuinfo.
    """

    name: str
    isa: str
    cc: str
    packages: tuple[str, ...]
    cflags: tuple[str, ...] = ()
    part: str | None = None
    flash: int | None = None
    ram: int | None = None
    mhz: int | None = None
    board: Board | None = None
    emulator: tuple[str, str] | None = None
    native: bool = False
    cycles: bool = False
    pointer: int = 4
    features: tuple[str, ...] = ()

    @property
    def tools(self) -> dict[str, tuple[str, ...]]:
        """Programs that compile and run this target's code, and the Debian packages that bring each."""
        tools = {self.cc: self.packages}
        if self.board is not None:
            tools[self.board.qemu] = (self.board.package,)
        if self.emulator is not None:
            program, package = self.emulator
            tools[program] = (package,)
        return tools


# Memory maps and clocks: Arm's application notes AN385, AN386, AN500, AN505 and AN547, as far as QEMU 7.2
# follows them. M33 and M55 start in the secure state, so theirs are the secure addresses where there are two.
_SSRAM1, _SSRAM23 = Region(0x0000_0000, 4 * MIB), Region(0x2000_0000, 4 * MIB)
_AN385 = Board("mps2-an385", _SSRAM1, Region(0x2100_0000, 16 * MIB), _SSRAM23, 0x4002_8018, 40)
_AN386 = Board("mps2-an386", _SSRAM1, Region(0x2100_0000, 16 * MIB), _SSRAM23, 0x4002_8018, 40)
_AN500 = Board("mps2-an500", _SSRAM1, Region(0x6000_0000, 16 * MIB), _SSRAM23, 0x4002_8018, 40)
_AN505 = Board(
    "mps2-an505",
    code=Region(0x1000_0000, 4 * MIB),
    const=Region(0x8000_0000, 16 * MIB),
    ram=Region(0x3800_0000, 4 * MIB),
    counter=0x5030_2018,
    instructions_per_tick=50,
)
_AN547 = Board(
    "mps3-an547",
    code=Region(0x1000_0000, 512 * KIB),
    const=Region(0x9000_0000, 256 * MIB),
    ram=Region(0x7000_0000, 256 * MIB),
    counter=0x5930_2018,
    instructions_per_tick=50,
)
_VIRT = Board(
    "virt",
    code=Region(0x8000_0000, 4 * MIB),
    const=Region(0x8040_0000, 64 * MIB),
    ram=Region(0x8500_0000, 32 * MIB),
    qemu="qemu-system-riscv32",
    package="qemu-system-misc",
    flags=("-bios", "none"),
)

_HOST = "gcc", ("gcc", "libc6-dev")
_ARM = "arm-none-eabi-gcc", ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
_RISCV = "riscv64-unknown-elf-gcc", ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf")
_AARCH64 = "aarch64-linux-gnu-gcc", ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross")
_ARMHF = "arm-linux-gnueabihf-gcc", ("gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross")
_WASM = "clang", ("clang", "lld", "wasi-libc")
_QEMU_AARCH64, _QEMU_ARM = ("qemu-aarch64", "qemu-user"), ("qemu-arm", "qemu-user")
_NODE = "node", "nodejs"

_M0 = ("-mcpu=cortex-m0plus",)
_M3 = ("-mcpu=cortex-m3",)
_M4 = ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
_M7 = ("-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")
_M33 = ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")
_M55 = ("-mcpu=cortex-m55", "-mfloat-abi=hard")
_RV32 = ("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs")
_ARMV7 = ("-mthumb", "-march=armv7-a", "-mfpu=neon-vfpv4", "-mfloat-abi=hard")
_AVX2 = ("-mavx2", "-mfma")
_VNNI = (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni")
_VNNI_FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni")
_WASM32 = ("--target=wasm32-wasi", "-msimd128")

# ARMv6-M code runs on the emulated M3, of whose instructions it is a subset.
# fmt: off
_ROWS = (
    Target("c99", "c99", *_HOST, native=True, pointer=8),
    Target("cortex-m0plus", "scalar", *_ARM, _M0, "RP2040", 2 * MIB, 264 * KIB, 133, _AN385),
    Target("cortex-m3", "scalar", *_ARM, _M3, "STM32F103C8", 64 * KIB, 20 * KIB, 72, _AN385),
    Target("cortex-m4", "dsp", *_ARM, _M4, "STM32F411CE", 512 * KIB, 128 * KIB, 100, _AN386, cycles=True),
    Target("cortex-m7", "dsp", *_ARM, _M7, "STM32F746ZG", 1 * MIB, 320 * KIB, 216, _AN500),
    Target("cortex-m33", "dsp", *_ARM, _M33, "RP2350", 4 * MIB, 520 * KIB, 150, _AN505),
    Target("cortex-m55", "mve", *_ARM, _M55, "WiseEye2 HX6538", 16 * MIB, 2 * MIB, 400, _AN547),
    Target("rv32", "scalar", *_RISCV, _RV32, "ESP32-C3", 4 * MIB, 400 * KIB, 160, _VIRT),
    Target("aarch64", "neon", *_AARCH64, emulator=_QEMU_AARCH64, pointer=8),
    Target("armv7", "neon", *_ARMHF, _ARMV7, emulator=_QEMU_ARM),
    Target("x86-64", "avx2", *_HOST, _AVX2, native=True, pointer=8, features=("avx2", "fma")),
    Target("x86-64-vnni", "avx2", *_HOST, _VNNI, native=True, pointer=8, features=_VNNI_FEATURES),
    Target("wasm32", "simd128", *_WASM, _WASM32, emulator=_NODE),
)
# fmt: on
TARGETS = {row.name: row for row in _ROWS}
PARTS = {row.part: row for row in _ROWS if row.part}


def find_target(name: str) -> Target:
    """Return the target called `name`.

    Raises:
        EdgecnnError: there is none.
    """
    if name not in TARGETS:
        raise EdgecnnError(
            f'there is no target "{name}"; choose one of {", ".join(TARGETS)}.{did_you_mean(name, TARGETS)}'
        )
    return TARGETS[name]
