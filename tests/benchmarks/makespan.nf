// Nothing but reconstructions: what makespan.py measures
include { RECONSTRUCT } from '../../modules/reconstruct'

params.scans = null // a folder of folders of slices, one a scan, and of their volumes

workflow {
    scans = channel.fromPath("${params.scans}/slices/*", type: 'dir')
        .map { slices -> [[id: slices.name], file("${params.scans}/scan.nii.gz"), slices] }
    RECONSTRUCT(scans, file(params.model), [], [], [], 'benchmark')
}
