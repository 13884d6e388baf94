"""Macros for the packages of nptsim."""

# <trace-cmd/trace-cmd.h> includes its neighbours without their folders. Behind all others, so that no
# header of the compiler is hidden.
TRACECMD_COPTS = [
    "-idirafter/usr/include/traceevent",
    "-idirafter/usr/include/tracefs",
]

def nptsim_test(name, srcs, deps = [], size = "small", **kwargs):
    """A doctest test program; its main() comes from //tests/support:doctest_main.

    Args:
      name: the target; by convention the source's name without ".cc".
      srcs: sources that include <doctest/doctest.h> and contain TEST_CASEs.
      deps: what the test exercises.
      size: small (60 s), medium (300 s) or large (900 s), Bazel's meaning.
      **kwargs: anything else that cc_test takes: data, args, tags, timeout, shard_count...
          tags = ["no-asan"] keeps a test out of the sanitizer run.
    """
    native.cc_test(
        name = name,
        srcs = srcs,
        size = size,
        deps = deps + ["//tests/support:doctest_main"],
        **kwargs
    )
