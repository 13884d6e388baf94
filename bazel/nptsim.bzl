"""Macros for the packages of nptsim."""

# <trace-cmd/trace-cmd.h> includes its neighbours without their folders. Behind all others, so that no
# header of the compiler is hidden.
TRACECMD_COPTS = [
    "-idirafter/usr/include/traceevent",
    "-idirafter/usr/include/tracefs",
]

# Much of what a compiler does with a file of ours is reading headers, so the sources of a package are
# compiled several at a time: each unit includes so many of them. Two files of a package may therefore
# not define the same name, not even in unnamed namespaces. Large units (--define=units=large) are for
# whoever builds everything once: a changed file costs more there.
_SOURCES_PER_UNIT = 10
_SOURCES_PER_LARGE_UNIT = 30

def _unit_impl(ctx):
    lines = ['#include "%s"\n' % source.short_path for source in ctx.files.srcs]
    ctx.actions.write(ctx.outputs.out, "".join(lines))

_unit = rule(
    implementation = _unit_impl,
    attrs = {
        "out": attr.output(mandatory = True),
        "srcs": attr.label_list(allow_files = [".cc"], mandatory = True),
    },
)

def _units_of(name, sources, testonly, most):
    """Declares units of at most so many sources, and returns them."""
    count = (len(sources) + most - 1) // most
    size = (len(sources) + count - 1) // count
    units = []
    for i in range(count):
        unit = "%s%d" % (name, i + 1)
        _unit(
            name = unit,
            out = unit + ".cc",
            srcs = sources[i * size:(i + 1) * size],
            testonly = testonly,
        )
        units.append(unit + ".cc")
    return units

def _units(name, sources, testonly):
    """Declares the units of a target that has more than one source, and returns what to compile."""
    if len(sources) < 2:
        return sources
    units = _units_of(name + "_unit", sources, testonly, _SOURCES_PER_UNIT)
    if len(sources) <= _SOURCES_PER_UNIT:
        return units
    return select({
        "//bazel:large_units": _units_of(name + "_large", sources, testonly, _SOURCES_PER_LARGE_UNIT),
        "//conditions:default": units,
    })

def _split(srcs):
    sources = [src for src in srcs if src.endswith(".cc")]
    return sources, [src for src in srcs if not src.endswith(".cc")]

def nptsim_library(name, srcs = [], textual_hdrs = [], testonly = False, **kwargs):
    """A cc_library whose sources are compiled in a few units.

    Args:
      name: the target.
      srcs: sources and private headers.
      textual_hdrs: as in cc_library.
      testonly: as in cc_library.
      **kwargs: anything else that cc_library takes: hdrs, deps, copts...
    """
    sources, headers = _split(srcs)
    units = _units(name, sources, testonly)
    native.cc_library(
        name = name,
        srcs = headers + units,
        textual_hdrs = textual_hdrs + (sources if len(sources) > 1 else []),
        testonly = testonly,
        **kwargs
    )

def nptsim_test(name, srcs, deps = [], size = "small", optimised = False, args = [], tags = [], **kwargs):
    """A doctest test program; its main() comes from //tests/support:doctest_main.

    Args:
      name: the target; by convention the source's name without ".cc".
      srcs: sources that include <doctest/doctest.h> and contain TEST_CASEs.
      deps: what the test exercises.
      size: small (60 s), medium (300 s) or large (900 s), Bazel's meaning.
      optimised: ./run-tests runs it without sanitizers too: for what optimisation might change. Its
          cases of the suite "plain" are not run under them: bytes to compare, or minutes there.
      tags: ["no-asan"] keeps a test out of the sanitizer run, so it is run optimised.
      args: as in cc_test.
      **kwargs: anything else that cc_test takes: data, timeout, shard_count...
    """
    if "no-asan" in tags:
        optimised = True
    sources, headers = _split(srcs)
    if len(sources) > 1:
        native.cc_library(
            name = name + "_sources",
            testonly = True,
            textual_hdrs = sources,
        )
        deps = deps + [":%s_sources" % name]
    native.cc_test(
        name = name,
        srcs = headers + _units(name, sources, True),
        size = size,
        args = args + select({
            "//bazel:sanitizers": ["--test-suite-exclude=plain"] if optimised else [],
            "//conditions:default": [],
        }),
        tags = tags if optimised else tags + ["asan-only"],
        deps = deps + ["//tests/support:doctest_main"],
        **kwargs
    )
