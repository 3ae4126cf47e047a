-- Keeps what must come back from the provider; what nobody came back for is forgotten, a few at a time.
WITH forgotten AS (
    DELETE FROM control.sign_ons
    WHERE state_hash IN (
        SELECT state_hash FROM control.sign_ons WHERE begun_at < now() - interval '10 minutes' ORDER BY begun_at LIMIT 100
    )
)
INSERT INTO control.sign_ons (state_hash, browser_hash, nonce, code_verifier, return_to)
VALUES (%(state_hash)s, %(browser_hash)s, %(nonce)s, %(code_verifier)s, %(return_to)s)
