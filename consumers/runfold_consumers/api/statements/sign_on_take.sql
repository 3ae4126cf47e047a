-- What a sign-on of this browser began with, once and within ten minutes.
DELETE FROM control.sign_ons
WHERE state_hash = %(state_hash)s AND browser_hash = %(browser_hash)s AND begun_at > now() - interval '10 minutes'
RETURNING nonce, code_verifier, return_to
