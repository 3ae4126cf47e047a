"""What a page shows of a run beside its series: previews of files, chart documents, tables.

sniffing   which media type is safe to say of bytes
showing    the answer that shows the beginning of a file
documents  chart documents and images by metric
tables     cells to rows
"""
