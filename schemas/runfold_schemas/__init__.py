"""The contract between everything that writes Runfold's events and everything that reads them.

Importing this package, `catalog`, `codec`, `events`, `framing`, `limits`, `topics`, `values` or `watermark` loads
neither fastavro nor numpy, pydantic or kafka: a training process imports them.
"""
