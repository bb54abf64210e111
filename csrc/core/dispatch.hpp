// SIMD dispatch by function multiversioning: clones for wider vector units, chosen when the program starts. The
// installed engine runs on any x86-64.
//
// QABWNAS_CLONES marks loops that a compiler can vectorise. All clones compute the same integers and the same doubles,
// because the engine is built with -ffp-contract=off: FMA never fuses a product and a sum to one rounding. So a search
// does the same work on any machine.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__)
#define QABWNAS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define QABWNAS_CLONES
#endif
