#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bulkrail_fuzz::page_mintlify(data));
