// Function clones for wider vector units, chosen when the program starts: what is installed runs on any x86-64.
//
// Marks loops that a compiler can vectorise. The clones of the engine compute the same integers and the same doubles,
// because it is built with -ffp-contract=off: no product and sum are fused to one rounding where there is FMA. So the
// work that a search does is the same on any machine.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__)
#define QABWNAS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define QABWNAS_CLONES
#endif
