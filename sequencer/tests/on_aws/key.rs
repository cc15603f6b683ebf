//! What a key of KMS signs, and which one is refused.

use ledger_log::{CheckpointSigner, SignedNote};
use loopback::{KeyServer, RequestFault};
use sequencer::{KmsKeyError, KmsSigner};

use super::given::{KEY_ID, ORIGIN, settings, signer};

const TEXT: &str = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

async fn signed(signer: &KmsSigner) -> Result<SignedNote, String> {
    let signer = signer.clone();
    let note = tokio::task::spawn_blocking(move || signer.sign(TEXT.to_owned()));
    note.await.unwrap().map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_signed_as_the_same_key_on_a_machine_signs_it() {
    let kms = KeyServer::serve([7; 32]).await;
    let own = ledger_log::NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap();
    let signer = signer(&kms).await;
    assert_eq!(signer.verifier_key(), own.verifier_key());
    assert_eq!(signed(&signer).await.unwrap(), own.sign(TEXT.to_owned()).unwrap());
    assert_eq!(kms.take_signed(), [TEXT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_another_key_is_never_handed_on() {
    let kms = KeyServer::serve([7; 32]).await;
    let signer = signer(&kms).await;
    kms.replace([8; 32]);
    let error = signed(&signer).await.unwrap_err();
    assert!(error.contains("does not verify") && error.contains(KEY_ID), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kms_refuses_is_told_with_what_to_do() {
    let kms = KeyServer::serve([7; 32]).await;
    let signer = signer(&kms).await;
    for (code, what) in [
        ("DisabledException", "enable the key"),
        ("KMSInvalidStateException", "cancel that"),
        ("AccessDeniedException", "kms:Sign"),
    ] {
        kms.refuse(Some(code));
        let error = signed(&signer).await.unwrap_err();
        assert!(error.starts_with(code) && error.contains(what), "{error}");
        let error = KmsSigner::new(&settings(kms.url()), KEY_ID, ORIGIN).await.unwrap_err();
        assert!(matches!(&error, KmsKeyError::Unread { .. }), "{error}");
    }
    kms.refuse(None);
    kms.fail(|number| (number == 1).then_some(RequestFault::Failed));
    assert!(signed(&signer).await.is_err());
    assert!(signed(&signer).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_log_can_have_is_refused() {
    let kms = KeyServer::serve([7; 32]).await;
    let error = KmsSigner::new(&settings(kms.url()), KEY_ID, "no name").await.unwrap_err();
    assert!(error.to_string().starts_with("LEDGER_LOG_ORIGIN"), "{error}");
}
