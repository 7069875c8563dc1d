"""Uses of the operating system: trusted files, child processes, progress on a terminal.

    files.py      reading files that only the user or root can have written; atomic writes
    records.py    data on disk by key, with a checksum
    program.py    another program with a time limit, its output in a file
    stages.py     the stage of a long compilation, shown on a terminal

The one idea: the cache contains code, so a file of it is used only if nobody but the user and root
can have written it. This is checked once for the folder and the folders above it, and again for
each file on its open descriptor; since nobody else can write to such a folder, nothing changes
between the check and the use.

Rejected: a signature in the entry (whoever can write the entry can write the signature), and
signing with a key stored elsewhere (those who can read the user's files have the key, and no others
need to be excluded).
"""
