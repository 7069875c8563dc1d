"""One adapter a library, all with the face of `base.Contender`.

A module's name ends in an underscore so that it can import the library of the same name; a worker
imports just one of them. Each writes the models in its library's own idiom, as its documentation
does, and picks the library's faster way where there are two.
"""
