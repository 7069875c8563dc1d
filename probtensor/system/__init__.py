"""What is asked of the operating system: files that can be trusted, programs, the user's patience.

    files.py      reading only what the user or root alone can have written; writing whole files
    records.py    data under a key, with a checksum
    program.py    another program with a time limit, its output in a file
    stages.py     on a terminal, after a moment, which stage of compiling is at work

The one idea: the cache holds code, so a file of it is used only if nobody but the user and root can
have written it. That is decided once for the folder and the folders above it, and again for each
file on its open descriptor; since nobody else can write such a folder, nothing changes between the
check and the use.

Rejected: a signature in the entry (whoever can write the entry can write the signature), and a key
kept elsewhere to sign with (whoever can read the user's files has it, and nobody else needs to be
kept out).
"""
