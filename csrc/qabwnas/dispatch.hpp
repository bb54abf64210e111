// Function clones for wider vector units, chosen when the program starts: what is installed runs on any x86-64.
//
// Marks loops that a compiler can vectorise; the clones compute the same integers and the same doubles.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__)
#define QABWNAS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define QABWNAS_CLONES
#endif
