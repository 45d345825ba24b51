// Nothing but reconstructions: what makespan.py measures
include { RECONSTRUCT } from '../../modules/reconstruct'

params.scans = null // a folder of folders of slices, one a scan

workflow {
    scans = channel.fromPath("${params.scans}/slices/*", type: 'dir').map { slices -> [[[id: slices.name]], [slices]] }
    arguments = "--ddim-steps ${params.ddim_steps} --device ${params.device}"
    RECONSTRUCT(scans, file(params.model), [], [], [], '', false, arguments, 'benchmark')
}
