"""What reads a bundle as a stranger does: programs that know nothing of this project.

``PROGRAM FOLDER FILE`` reads rows from its standard input, a JSON list of lists of one or two texts, and
writes each row's logits as JSON to its standard output.
"""
