"""Pages of all nouns share this shell: the context of a request, forms, fields, formats, downloads.

May import every noun below it in the map, since the context knows who is signed in; pages are in the nouns,
and those of several nouns in ``app``. Begin with ``context``, then ``forms``.
"""
