"""The map editor behind `bench sdc edit`: a local page where a person corrects what a photo is said to show.

There is one source of truth. The page sends operations (`operations`), the server applies them to maps of whole numbers
(`strokes`, `document`) and answers with the map and the photo colored by it, so what is seen, what is exported and what
`bench run` replays agree to the bit, and no label can drift. Of a large photo alone, what is seen is a smaller picture,
colored at its own size. Nothing here is imported before the command is run.
"""
