//! Proofs of a password: MD5 as old servers want it, and SCRAM-SHA-256 (RFC 5802, RFC 7677).

use std::num::NonZeroU32;

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};
use ring::{digest, hmac, pbkdf2, rand::SecureRandom, rand::SystemRandom};

/// `md5` and the hash of the hash of password and user with the server's salt.
pub fn md5_proof(user: &str, password: &str, salt: &[u8]) -> String {
    let hex = |parts: &[&[u8]]| {
        let mut hash = Md5::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let inner = hex(&[password.as_bytes(), user.as_bytes()]);
    format!("md5{}", hex(&[inner.as_bytes(), salt]))
}

/// One exchange by which both sides prove that they know the password. Passwords outside of ASCII are taken as they are,
/// without the normalisation of RFC 4013, which changes hardly any.
pub struct Scram {
    /// `n=,r=` and our nonce: the user's name is that of the startup message.
    first: String,
    nonce: String,
    /// What the server must say at the end.
    expected: Vec<u8>,
}

impl Scram {
    pub fn start() -> Result<Self, String> {
        let mut random = [0; 18];
        SystemRandom::new().fill(&mut random).map_err(|_| "the system has no random numbers".to_owned())?;
        Ok(Self::with_nonce(BASE64_STANDARD.encode(random)))
    }

    fn with_nonce(nonce: String) -> Self {
        Self { first: format!("n=,r={nonce}"), nonce, expected: Vec::new() }
    }

    /// What we say first. `n,,`: no channel binding.
    pub fn client_first(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// What we answer to the server's challenge: the proof.
    pub fn client_final(&mut self, challenge: &str, password: &str) -> Result<String, String> {
        let field = |key: &str| challenge.split(',').find_map(|field| field.strip_prefix(key));
        let bad = || "the server's challenge cannot be read".to_owned();
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or_else(bad)?;
        let salt = BASE64_STANDARD.decode(field("s=").ok_or_else(bad)?).map_err(|_| bad())?;
        let rounds = field("i=").and_then(|count| count.parse().ok()).and_then(NonZeroU32::new);
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let rounds = rounds.ok_or_else(bad)?;
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{without_proof}", self.first);
        let client_key = keyed(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let signature = keyed(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
        self.expected = keyed(&keyed(&salted, b"Server Key"), signed.as_bytes());
        Ok(format!("{without_proof},p={}", BASE64_STANDARD.encode(proof)))
    }

    /// Whether the server has proved that it knows the password too.
    pub fn verify(&self, answer: &str) -> Result<(), String> {
        let signature = answer.strip_prefix("v=").and_then(|text| BASE64_STANDARD.decode(text).ok());
        match signature {
            Some(signature) if signature == self.expected => Ok(()),
            _ => Err("the server does not know the password that it asks for".to_owned()),
        }
    }
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, but for the user's name, which PostgreSQL leaves empty.
    #[test]
    fn both_sides_prove_the_password() {
        let mut scram = Scram::with_nonce("rOprNGfwEbeRWgbNEkqO".to_owned());
        scram.first = "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned();
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.client_final(challenge, "pencil").unwrap();
        assert!(answer.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), "{answer}");
        assert!(scram.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_ok());
        assert!(scram.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G0=").is_err());
        assert!(scram.client_final("r=another,s=AA==,i=1", "pencil").is_err());
    }

    #[test]
    fn the_old_proof() {
        // As `md5sum` has it: of `secretann`, then of that and the salt.
        assert_eq!(md5_proof("ann", "secret", b"salt"), "md5b8f5ba9f485dba302ec0963f7ee9ba8f");
    }
}
