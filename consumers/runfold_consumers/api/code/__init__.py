"""Which code was it: snapshots of source code by their files, read where their ZIPs lie.

zips       a ZIP by ranges: its files, and the beginning of one of them
reading    the same from the object store, with its troubles told as errors of the API
differing  what differs between snapshots
answers    shapes of the answers
"""
